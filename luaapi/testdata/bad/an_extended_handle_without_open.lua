--! FILE:5, entry 1: the class Mine does not define the method open
local dp = require "dumbprobe"
local Mine = dp.BaseHandle:extend{class = "Mine"}
return {
  Mine{},
}
