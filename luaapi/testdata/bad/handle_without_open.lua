--! FILE:3, entry 1: found a handle without the method open
return {
  {read_messages = function() return {} end, close = function() end},
}
