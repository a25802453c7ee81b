--! FILE:4: Function: unknown field `intervall`, did you mean `interval`?
local dp = require "dumbprobe"
local check = dp.Function{call = print, interval = 5}
print(check.intervall)
return {check}
