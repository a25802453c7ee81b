local dp = require "dumbprobe"
local check = dp.Function{call = print, interval = 5}
check.interval = 10
return {check}
