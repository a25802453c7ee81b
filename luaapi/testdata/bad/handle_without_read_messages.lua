--! FILE:3, entry 1: found a handle without the method read_messages
return {
  {open = function() end, close = function() end},
}
