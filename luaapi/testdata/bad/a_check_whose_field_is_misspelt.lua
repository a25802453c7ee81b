local dp = require "dumbprobe"
local check = dp.Function{call = print, interval = 5}
print(check.intervall)
return {check}
