--! Function at FILE:10, entry 1: unknown field `cal`, did you mean `call`?; field `interval` must be a number of seconds, more than 0 and at most ten years, not the string "5"; field `aspect` must be a string that is not empty, not the boolean true
--! FILE:11, entry 2: found nil, expected a check or a handle (a misspelt variable?)
--! FILE:14, entry 5: found a check without the method next_run
--! FILE:15, entry 6: found the string "text", expected a check or a handle
--! FILE:9: entries 3 and 4 have one name, "up"; names are unique
--! Nagios at FILE:8: unknown field `comand`, did you mean `command`?
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
