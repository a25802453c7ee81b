--! FILE:3: BaseCheck.extend: call it with a colon, BaseCheck:extend{...}\n	called from: [G]: in function 'extend', FILE:3: in main chunk
local dp = require "dumbprobe"
local Mine = dp.BaseCheck.extend{class = "Mine"}
return {}
