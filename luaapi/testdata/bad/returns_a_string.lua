--! FILE:2: CHECKS is the string "checks"; expected is a list of checks and handles, or an object with a method run_next
return "checks"
