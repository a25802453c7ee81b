local dp = require "dumbprobe"
local Mine = dp.BaseCheck:extend{class = "Mine"}
return {
  Mine(5),
}
