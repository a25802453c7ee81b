local made = assert(loadstring("return ..., 5"))("x")
assert(made == "x")
assert(loadfile("modules/helper.lua"))
assert(dofile("modules/helper.lua").check)
local pieces, n = {"return", " 7"}, 0
assert(load(function() n = n + 1 return pieces[n] end)() == 7)
assert(not loadstring("x = = 5"))
assert(not loadfile("missing.lua"))
return {}
