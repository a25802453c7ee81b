local dp = require "dumbprobe"
local Mine = dp.BaseCheck:extend{class = "Mine", init = function(self) error("no " .. self.path) end}
return {
  Mine{interval = 5, path = "/tmp"},
}
