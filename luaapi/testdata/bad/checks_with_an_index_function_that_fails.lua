--! FILE:2: no run_next
return setmetatable({}, {__index = function(_, name) error("no " .. name) end})
