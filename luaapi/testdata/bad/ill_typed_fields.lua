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
