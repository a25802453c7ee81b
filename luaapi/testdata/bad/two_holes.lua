--! FILE:6, entry 1: found nil, expected a check or a handle (a misspelt variable?)
--! FILE:7, entry 2: found nil, expected a check or a handle (a misspelt variable?)
local dp = require "dumbprobe"
local load = dp.Function{call = print, interval = 5}
CHECKS = {
  memory,
  swap,
  load,
}
