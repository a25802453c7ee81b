--! FILE:4: entries 1 and 3 have one name, "load"; names are unique
--! FILE:4: entries 1 and 4 have one name, "load"; names are unique
local dp = require "dumbprobe"
return {
  dp.Function{call = print, interval = 5, name = "load"},
  dp.Function{call = print, interval = 5},
  dp.ShellStream{command = "vmstat 1", name = "load"},
  {run = function() end, next_run = function() end, check_name = function() return "load" end},
}
