--! FILE:3: CHECKS has the key hostname; expected is a list of checks and handles, or an object with a method run_next
local dp = require "dumbprobe"
return dp
