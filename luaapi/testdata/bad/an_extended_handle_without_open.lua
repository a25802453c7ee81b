--! FILE:5, entry 1: Mine: the method open is not defined
local dp = require "dumbprobe"
local Mine = dp.BaseHandle:extend{class = "Mine"}
return {
  Mine{},
}
