--! FILE:4: BaseHandle is extended, not called: local Mine = dumbprobe.BaseHandle:extend{...}, and then Mine{...}\n	called from: [G]: in function 'BaseHandle', FILE:4: in main chunk
local dp = require "dumbprobe"
return {
  dp.BaseHandle{},
}
