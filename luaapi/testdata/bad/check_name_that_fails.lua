--! FILE:3, entry 1: check_name: FILE:3: no name
return {
  {run = function() end, next_run = function() end, check_name = function() error("no name") end},
}
