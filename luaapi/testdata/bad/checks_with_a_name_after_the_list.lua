--! FILE:3: CHECKS has the key interval; expected is a list of checks and handles, or an object with a method run_next
local dp = require "dumbprobe"
return {
  dp.Function{call = print, interval = 5},
  interval = 60,
}
