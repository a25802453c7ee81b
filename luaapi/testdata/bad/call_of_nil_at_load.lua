local dp = require "dumbprobe"
return {dp.function_{interval = 5}}
