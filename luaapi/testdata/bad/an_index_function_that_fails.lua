return {
  setmetatable({}, {__index = function(_, name) error("no " .. name) end}),
}
