return {
  {run = function() return {} end},
}
