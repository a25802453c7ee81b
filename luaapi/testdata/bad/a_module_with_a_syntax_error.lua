--! FILE:2: DIR/modules/broken.lua:1: syntax error near '=' (column 11)\n	called from: [G]: in function 'require', FILE:2: in main chunk
local helper = require "modules.broken"
return {}
