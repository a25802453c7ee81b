--! Nagios at FILE:4, entry 1: unknown field `parse`; known are command, stdin, env, ...
local dp = require "dumbprobe"
return {
  dp.Nagios{command = "check_load", interval = 5, parse = print},
}
