--! FILE:6, entry 2: found nil, expected a check or a handle (a misspelt variable?)
local dp = require "dumbprobe"
local load = dp.Function{call = print, interval = 5}
return {
  load,
  memory,
  dp.Function{call = print, interval = 5},
}
