--! FILE:3, entry 1: found a handle without the method close
return {
  {read_messages = function() return {} end, open = function() end},
}
