--! FILE:3, entry 1: found a check without the method next_run
return {
  {run = function() return {} end},
}
