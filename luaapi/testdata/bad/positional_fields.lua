local dp = require "dumbprobe"
return {
  dp.Function{print, 5},
}
