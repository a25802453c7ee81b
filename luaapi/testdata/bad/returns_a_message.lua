local dp = require "dumbprobe"
return dp.Message{aspect = "x", value = 1}
