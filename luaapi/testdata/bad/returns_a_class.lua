--! FILE:3: CHECKS is a class; expected is a list of checks and handles, or an object with a method run_next
local dp = require "dumbprobe"
return dp.BaseCheck:extend{class = "Mine"}
