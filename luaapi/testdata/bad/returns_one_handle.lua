local dp = require "dumbprobe"
return dp.ShellStream{command = "vmstat 1"}
