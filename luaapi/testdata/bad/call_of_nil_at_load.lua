--! FILE:3: the module dumbprobe has no `function_`, did you mean `Function`?
local dp = require "dumbprobe"
return {dp.function_{interval = 5}}
