--! line 8: check Own, own schedule, schedule {Cron: Timezone: Splay:0 Align:false RetryInterval:0.0005 First: Jitter:0}
--! line 9: check Outer, interval 60
local dp = require "dumbprobe"
local Own = dp.BaseCheck:extend{class = "Own", run = function() return {} end, next_run = function() return dp.time() + 60 end}
local inner = dp.Function{call = function() return {} end, interval = 0.0005}
local Outer = dp.BaseCheck:extend{class = "Outer", run = function() return inner:run() end}
return {
  Own{interval = 0.0005, retry_interval = 0.0005},
  Outer{interval = 60},
}
