--! DIR/modules/failing.lua:3: not on this host\n	called from: DIR/modules/failing.lua:3: in function <DIR/modules/failing.lua:0>, [G]: in function 'require', FILE:2: in main chunk
local helper = require "modules.failing"
return {}
