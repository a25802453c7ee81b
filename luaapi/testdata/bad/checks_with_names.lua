local dp = require "dumbprobe"
return {
  load = dp.Function{call = print, interval = 5},
}
