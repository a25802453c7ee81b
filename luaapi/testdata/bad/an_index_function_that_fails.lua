--! FILE:3, entry 1: FILE:3: no run
return {
  setmetatable({}, {__index = function(_, name) error("no " .. name) end}),
}
