--! FILE:3: no /tmp\n	called from: FILE:3: in function <FILE:3>, [G]: in function 'Mine', FILE:5: in main chunk
local dp = require "dumbprobe"
local Mine = dp.BaseCheck:extend{class = "Mine", init = function(self) error("no " .. self.path) end}
return {
  Mine{interval = 5, path = "/tmp"},
}
