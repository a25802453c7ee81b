--! FILE:4: Function: the fields are given to the constructor, and cannot be set afterwards
local dp = require "dumbprobe"
local check = dp.Function{call = print, interval = 5}
check.interval = 10
return {check}
