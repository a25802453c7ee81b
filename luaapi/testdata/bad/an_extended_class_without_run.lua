--! FILE:5, entry 1: the class Mine does not define the method run
local dp = require "dumbprobe"
local Mine = dp.BaseCheck:extend{class = "Mine"}
return {
  Mine{interval = 5},
}
