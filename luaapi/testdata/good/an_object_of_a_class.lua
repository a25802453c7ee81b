--! line 5: object Loop
local Loop = {class = "Loop"}
Loop.__index = Loop
function Loop:run_next() return {} end
CHECKS = setmetatable({}, Loop)
