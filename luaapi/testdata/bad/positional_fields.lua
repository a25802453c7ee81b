--! Function at FILE:4, entry 1: unexpected positional value [1] (a function); fields are written name = value; unexpected positional value [2] (the number 5); fields are written name = value; field `call` is missing (a function); field `interval` is missing (a number of seconds, more than 0 and at most ten years)
local dp = require "dumbprobe"
return {
  dp.Function{print, 5},
}
