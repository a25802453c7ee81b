--! line 7: check Function, interval 0, schedule {Cron:*/5 * * * * Timezone: Splay:0 Align:false RetryInterval:0 First: Jitter:0}
--! line 8: check Function, interval 5, timeout 2.5s
--! line 9: check Function, interval 60, schedule {Cron: Timezone: Splay:3 Align:true RetryInterval:10 First:spread Jitter:1}
local dp = require "dumbprobe"

return {
  dp.Function{call = print, cron = "*/5 * * * *"},
  dp.Function{call = print, interval = 5, timeout = 2.5},
  dp.Function{call = print, interval = 60, align = true, splay = 3, jitter = 1, retry_interval = 10, first = "spread"},
}
