--! FILE:2: DIR/modules/uncompilable.lua:2: no loop to break\n	called from: [G]: in function 'require', FILE:2: in main chunk
local helper = require "modules.uncompilable"
return {}
