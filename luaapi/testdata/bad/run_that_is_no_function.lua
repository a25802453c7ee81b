--! FILE:3, entry 1: found a table with next_run and without run, expected a check (next_run, run)
return {
  {run = "uptime", next_run = function() return 0 end},
}
