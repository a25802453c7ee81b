local dp = require "dumbprobe"
return {dp.HttpCheck{interval = 5}}
