return {
  run = function() return {} end,
  next_run = function() return 0 end,
}
