--! FILE:2: DIR/missing.lua: no such file\n	called from: [G]: in function 'dofile', FILE:2: in main chunk
dofile("missing.lua")
return {}
