--! FILE:4: ShellCommand takes one table of fields, ShellCommand{...}, not nil\n	called from: [G]: in function 'ShellCommand', FILE:4: in main chunk
local dp = require "dumbprobe"
return {
  dp.ShellCommand(),
}
