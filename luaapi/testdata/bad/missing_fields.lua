local dp = require "dumbprobe"
return {
  dp.Function{},
  dp.ShellCommand{interval = 5},
  dp.Nagios{},
  dp.ShellStream{},
}
