local dp = require "dumbprobe"
local load = dp.Function{call = print, interval = 5}
CHECKS = {
  memory,
  swap,
  load,
}
