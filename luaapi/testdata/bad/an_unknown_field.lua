--! ShellCommand at FILE:4, entry 1: unknown field `intervall`, did you mean `interval`?
local dp = require "dumbprobe"
return {
  dp.ShellCommand{
    command = "uptime",
    intervall = 5,
  },
}
