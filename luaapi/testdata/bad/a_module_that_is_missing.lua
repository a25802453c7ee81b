--! FILE:2: module helper.missing not found:\n	no field package.preload['helper.missing']\n	no file 'DIR/helper/missing.lua'\n	no file 'DIR/helper/missing/init.lua'\n	called from: [G]: in function 'require', FILE:2: in main chunk
local helper = require "helper.missing"
return {}
