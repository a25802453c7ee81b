--! Function at FILE:15, entry 1: field `call` must be a function, not the string "print"; field `interval` must be a number of seconds, more than 0 and at most ten years, not the string "5"
--! Function at FILE:16, entry 2: field `interval` must be a number of seconds, more than 0 and at most ten years, not the number 0
--! Function at FILE:17, entry 3: field `interval` must be a number of seconds, more than 0 and at most ten years, not the number -1
--! Function at FILE:18, entry 4: field `interval` must be a number of seconds, more than 0 and at most ten years, not the number NaN
--! Function at FILE:19, entry 5: field `interval` must be a number of seconds, more than 0 and at most ten years, not the number +Inf
--! Function at FILE:20, entry 6: field `name` must be a string that is not empty, not the string ""
--! Function at FILE:21, entry 7: field `aspect` must be a string that is not empty, not the number 5
--! Function at FILE:22, entry 8: field `timeout` must be a number of seconds, at least 0.001 and at most ten years, not the string "1m"
--! Function at FILE:23, entry 9: field `args` must be a table, not the number 5
--! Function at FILE:24, entry 10: field `align` must be a boolean, not the string "yes"
--! Function at FILE:25, entry 11: field `first` must be "now" or "spread" or "interval", not the string "later"
--! Function at FILE:26, entry 12: field `splay` must be a number of seconds, 0 or more, not the number -1
local dp = require "dumbprobe"
return {
  dp.Function{call = "print", interval = "5"},
  dp.Function{call = print, interval = 0},
  dp.Function{call = print, interval = -1},
  dp.Function{call = print, interval = 0/0},
  dp.Function{call = print, interval = 1/0},
  dp.Function{call = print, interval = 5, name = ""},
  dp.Function{call = print, interval = 5, aspect = 5},
  dp.Function{call = print, interval = 5, timeout = "1m"},
  dp.Function{call = print, interval = 5, args = 5},
  dp.Function{call = print, interval = 5, align = "yes"},
  dp.Function{call = print, interval = 5, first = "later"},
  dp.Function{call = print, interval = 5, splay = -1},
}
