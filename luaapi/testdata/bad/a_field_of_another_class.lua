local dp = require "dumbprobe"
return {
  dp.Nagios{command = "check_load", interval = 5, parse = print},
}
