--! FILE:5: Mine takes one table of fields, not the number 5\n	called from: [G]: in function 'Mine', FILE:5: in main chunk
local dp = require "dumbprobe"
local Mine = dp.BaseCheck:extend{class = "Mine"}
return {
  Mine(5),
}
