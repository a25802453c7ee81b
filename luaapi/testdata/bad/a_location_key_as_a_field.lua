local dp = require "dumbprobe"
return {
  dp.Function{call = print, interval = 5, host = "web01"},
}
