--! line 6: object table
local object = {}

function object:run_next() return {} end

return object
