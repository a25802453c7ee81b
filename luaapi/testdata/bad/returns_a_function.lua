--! FILE:2: CHECKS is a function; expected is a list of checks and handles, or an object with a method run_next
return function() end
