--! FILE:5, entry 1: Mine: the method run is not defined
local dp = require "dumbprobe"
local Mine = dp.BaseCheck:extend{class = "Mine"}
return {
  Mine{interval = 5},
}
