local dp = require "dumbprobe"
local load = dp.Function{call = print, interval = 5}
return {
  load,
  memory,
  load,
}
