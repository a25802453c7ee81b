--! FILE:3, entry 1: check_name returned the string ""; expected is a string that is not empty
return {
  {run = function() end, next_run = function() end, check_name = function() return "" end},
}
