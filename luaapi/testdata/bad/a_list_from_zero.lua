local dp = require "dumbprobe"
return {[0] = dp.Function{call = print, interval = 5}}
