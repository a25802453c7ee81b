local dp = require "dumbprobe"
return dp.BaseCheck:extend{class = "Mine"}
