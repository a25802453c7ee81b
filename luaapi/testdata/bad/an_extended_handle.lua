local dp = require "dumbprobe"
local Mine = dp.BaseHandle:extend{class = "Mine"}
return {
  Mine{reopen = "soon", poll = 0},
}
