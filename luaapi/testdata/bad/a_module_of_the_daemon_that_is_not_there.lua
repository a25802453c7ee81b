--! FILE:2: module dumbprobe.htpp not found:\n	no field package.preload['dumbprobe.htpp']\n	no file 'DIR/dumbprobe/htpp.lua'\n	no file 'DIR/dumbprobe/htpp/init.lua'\n	called from: [G]: in function 'require', FILE:2: in main chunk
local http = require "dumbprobe.htpp"
return {}
