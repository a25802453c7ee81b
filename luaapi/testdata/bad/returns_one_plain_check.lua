--! FILE:2: CHECKS has the key run; expected is a list of checks and handles, or an object with a method run_next; put the check into a list, {...}
return {
  run = function() return {} end,
  next_run = function() return 0 end,
}
