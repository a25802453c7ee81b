--! line 6: check Function, interval 5
--! line 7: check ShellCommand, interval 60
local dp = require "dumbprobe"

return {
  dp.Function{call = print, interval = 5},
  dp.ShellCommand{command = "uptime", interval = 60},
}
