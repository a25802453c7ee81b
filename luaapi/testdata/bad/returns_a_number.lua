--! FILE:2: CHECKS is the number 5; expected is a list of checks and handles, or an object with a method run_next
return 5
