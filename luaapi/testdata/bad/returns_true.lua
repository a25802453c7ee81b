--! FILE:2: CHECKS is the boolean true; expected is a list of checks and handles, or an object with a method run_next
return true
