--! FILE:3: CHECKS has the key 1.5; expected is a list of checks and handles, or an object with a method run_next
local dp = require "dumbprobe"
return {[1.5] = dp.Function{call = print, interval = 5}}
