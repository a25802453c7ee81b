return {
  {open = function() end, close = function() end},
}
