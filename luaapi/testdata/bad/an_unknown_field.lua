local dp = require "dumbprobe"
return {
  dp.ShellCommand{
    command = "uptime",
    intervall = 5,
  },
}
