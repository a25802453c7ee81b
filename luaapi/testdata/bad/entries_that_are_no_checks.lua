local dp = require "dumbprobe"
return {
  5,
  "check_load",
  false,
  function() end,
  coroutine.create(function() end),
  {},
  dp.null,
  dp.Message{aspect = "x", value = 1},
  dp.Value(5),
  dp,
}
