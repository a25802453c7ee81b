--! FILE:3, entry 1: check_name returned the number 5; expected is a string that is not empty
return {
  {run = function() end, next_run = function() end, check_name = function() return 5 end},
}
