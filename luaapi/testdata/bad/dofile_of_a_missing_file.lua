dofile("missing.lua")
return {}
