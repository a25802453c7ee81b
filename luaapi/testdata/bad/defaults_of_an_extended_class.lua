--! FILE:6, entry 1: field `interval` must be a number of seconds, more than 0 and at most ten years, not the string "often"
local dp = require "dumbprobe"
local Mine = dp.BaseCheck:extend{class = "Mine", interval = "often"}
function Mine:run() return {} end
return {
  Mine{},
}
