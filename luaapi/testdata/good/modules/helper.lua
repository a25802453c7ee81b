local dp = require "dumbprobe"

local M = {}

function M.check(name)
  return dp.Function{call = print, interval = 5, name = name}
end

return M
