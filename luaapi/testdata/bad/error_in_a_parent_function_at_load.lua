local function a() local t = nil; return t.x end
local function b() local r = a() return r end
local function c() local r = b() return r end
return c()
