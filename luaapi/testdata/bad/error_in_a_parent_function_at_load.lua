--! FILE:2: attempt to index a non-table object(nil) with key 'x'\n	called from: FILE:2: in function 'a', FILE:3: in function 'b', FILE:4: in main chunk
local function a() local t = nil; return t.x end
local function b() local r = a() return r end
local function c() local r = b() return r end
return c()
