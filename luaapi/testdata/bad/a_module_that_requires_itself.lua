--! DIR/modules/circle.lua:1: loop or previous error loading module: modules.circle\n	called from: [G]: in function 'require', DIR/modules/circle.lua:1: in function <DIR/modules/circle.lua:0>, [G]: in function 'require', FILE:2: in main chunk
local helper = require "modules.circle"
return {}
