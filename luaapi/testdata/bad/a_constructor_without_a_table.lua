--! FILE:4: Function takes one table of fields, Function{...}, not a function\n	called from: [G]: in function 'Function', FILE:4: in main chunk
local dp = require "dumbprobe"
return {
  dp.Function(print, 5),
}
