local dp = require "dumbprobe"
local Mine = dp.BaseCheck:extend{class = "Mine"}
local Old = {}
Old.__index = Old
function Old:run() end
return {
  dp.Function,
  dp.BaseCheck,
  dp.ShellStream,
  dp.BaseHandle,
  Mine,
  Old,
  dp.Message,
}
