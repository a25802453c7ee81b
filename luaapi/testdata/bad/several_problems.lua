local dp = require "dumbprobe"
local forgotten = dp.Nagios{comand = "check_load", interval = 5}
return {
  dp.Function{cal = print, interval = "5", aspect = true},
  misspelt,
  dp.ShellCommand{command = "uptime", interval = 5, name = "up"},
  dp.ShellCommand{command = "uptime", interval = 5, name = "up"},
  {run = function() end},
  "text",
}
