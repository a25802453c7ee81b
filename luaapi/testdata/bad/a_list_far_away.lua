local dp = require "dumbprobe"
local list = {}
list[1000] = dp.Function{call = print, interval = 5}
return list
