--! line 0: check Function, interval 1
--! line 0: check Function, interval 2
--! line 0: check Function, interval 3
local dp = require "dumbprobe"

local checks = {}
for i = 1, 3 do
  checks[#checks + 1] = dp.Function{call = print, interval = i}
end
return checks
