--! line 5: check Function, interval 5
local dp = require "dumbprobe"

CHECKS = {
  dp.Function{call = print, interval = 5},
}
