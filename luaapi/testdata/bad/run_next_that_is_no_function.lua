--! FILE:2: CHECKS has the key run_next; expected is a list of checks and handles, or an object with a method run_next
return {run_next = 5}
