return {
  {next_run = function() return 0 end},
}
