return {
  {run = function() end, next_run = function() end, check_name = function() return "" end},
}
