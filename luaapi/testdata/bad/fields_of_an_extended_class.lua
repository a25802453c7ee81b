--! Mine at FILE:6, entry 1: field `interval` must be a number of seconds, more than 0 and at most ten years, not the string "5"; field `location` must be a table of strings by name (names of letters, digits and _), not the number 5
local dp = require "dumbprobe"
local Mine = dp.BaseCheck:extend{class = "Mine"}
function Mine:run() return {} end
return {
  Mine{interval = "5", location = 5},
}
