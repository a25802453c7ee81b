local dp = require "dumbprobe"
return {
  dp.Function:new{call = print, interval = 5},
}
