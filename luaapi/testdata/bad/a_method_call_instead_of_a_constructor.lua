--! FILE:4: attempt to call a non-function object
local dp = require "dumbprobe"
return {
  dp.Function:new{call = print, interval = 5},
}
