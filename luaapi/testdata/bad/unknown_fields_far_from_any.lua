--! Function at FILE:4, entry 1: unknown field `colour`; known are call, args, interval, name, aspect, location, timeout, ...
local dp = require "dumbprobe"
return {
  dp.Function{call = print, interval = 5, colour = "red"},
}
