--! FILE:2: require: a module's name has dots between its parts, "../good/modules/helper" is none\n	called from: [G]: in function 'require', FILE:2: in main chunk
local helper = require "../good/modules/helper"
return {}
