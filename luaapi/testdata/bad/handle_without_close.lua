return {
  {read_messages = function() return {} end, open = function() end},
}
