return {
  {run = function() end, next_run = function() end, check_name = function() error("no name") end},
}
