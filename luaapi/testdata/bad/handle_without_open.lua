return {
  {read_messages = function() return {} end, close = function() end},
}
