local dp = require "dumbprobe"
local Mine = dp.BaseCheck:extend{class = "Mine", interval = "often"}
function Mine:run() return {} end
return {
  Mine{},
}
