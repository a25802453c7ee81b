--! FILE:5: CHECKS is a list with holes up to position 1000
local dp = require "dumbprobe"
local list = {}
list[1000] = dp.Function{call = print, interval = 5}
return list
