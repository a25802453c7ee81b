local dp = require "dumbprobe"

-- Outside of the load a wrong field is an error at once; a function that is called later shows it.
local make = function() return dp.Value(5, {unitt = "s"}) end
local ok, why = pcall(make)
assert(not ok and why:find("did you mean `unit`", 1, true))
return {}
