--! FILE:3: attempt to call a non-function object
local dp = require "dumbprobe"
return {dp.HttpCheck{interval = 5}}
