--! FILE:3: CHECKS is a ShellStream; expected is a list of checks and handles, or an object with a method run_next; put the check into a list, {...}
local dp = require "dumbprobe"
return dp.ShellStream{command = "vmstat 1"}
