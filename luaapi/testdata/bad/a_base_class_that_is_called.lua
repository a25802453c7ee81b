--! FILE:4: BaseCheck is extended, not called: local Mine = dumbprobe.BaseCheck:extend{...}, and then Mine{...}\n	called from: [G]: in function 'BaseCheck', FILE:4: in main chunk
local dp = require "dumbprobe"
return {
  dp.BaseCheck{interval = 5},
}
