--! Function at FILE:7, entry 1: field `call` is missing (a function); field `interval` is missing (a number of seconds, more than 0 and at most ten years)
--! ShellCommand at FILE:8, entry 2: field `command` is missing (a string for the shell, or a list of strings (program and arguments))
--! Nagios at FILE:9, entry 3: field `command` is missing (a string for the shell, or a list of strings (program and arguments)); field `interval` is missing (a number of seconds, more than 0 and at most ten years)
--! ShellStream at FILE:10, entry 4: field `command` is missing (a string for the shell, or a list of strings (program and arguments))
local dp = require "dumbprobe"
return {
  dp.Function{},
  dp.ShellCommand{interval = 5},
  dp.Nagios{},
  dp.ShellStream{},
}
