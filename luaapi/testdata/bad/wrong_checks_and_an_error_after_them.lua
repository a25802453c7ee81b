--! Function at FILE:4: unknown field `cal`, did you mean `call`?
--! FILE:5: no configuration
local dp = require "dumbprobe"
local check = dp.Function{cal = print, interval = 5}
error("no configuration")
