--! Function at FILE:4: unknown field `cal`, did you mean `call`?
--! FILE:5: Function.run: the fields of the check are wrong\n	called from: [G]: in function 'run', FILE:5: in main chunk
local dp = require "dumbprobe"
local check = dp.Function{cal = print, interval = 5}
check:run()
return {check}
