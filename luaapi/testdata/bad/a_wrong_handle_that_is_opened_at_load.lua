--! ShellStream at FILE:4: unknown field `comand`, did you mean `command`?
--! FILE:5: ShellStream.open: the fields of the handle are wrong\n	called from: [G]: in function 'open', FILE:5: in main chunk
local dp = require "dumbprobe"
local handle = dp.ShellStream{comand = "vmstat 1"}
handle:open()
return {handle}
