local dp = require "dumbprobe"
local check = dp.Function{cal = print, interval = 5}
check:run()
return {check}
