--! FILE:6, entry 1: Mine: field `interval` is missing (a number of seconds, more than 0 and at most ten years), and next_run is not defined
local dp = require "dumbprobe"
local Mine = dp.BaseCheck:extend{class = "Mine"}
function Mine:run() return {} end
return {
  Mine{path = "/"},
}
