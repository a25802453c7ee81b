local dp = require "dumbprobe"
local Mine = dp.BaseCheck:extend{class = "Mine"}
function Mine:run() return {} end
return {
  Mine{interval = "5", location = 5},
}
