return {
  {run = "uptime", next_run = function() return 0 end},
}
