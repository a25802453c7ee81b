local dp = require "dumbprobe"
return {
  dp.BaseCheck{interval = 5},
}
