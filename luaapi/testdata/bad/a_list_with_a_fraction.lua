local dp = require "dumbprobe"
return {[1.5] = dp.Function{call = print, interval = 5}}
