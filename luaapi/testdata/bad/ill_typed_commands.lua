--! ShellCommand at FILE:13, entry 1: field `command` must be a string for the shell, or a list of strings (program and arguments), not the number 5
--! ShellCommand at FILE:14, entry 2: field `command` must be a string for the shell, or a list of strings (program and arguments), not the string ""
--! ShellCommand at FILE:15, entry 3: field `command` must be a string for the shell, or a list of strings (program and arguments), not a table
--! ShellCommand at FILE:16, entry 4: field `command` must be a string for the shell, or a list of strings (program and arguments), not a table
--! ShellCommand at FILE:17, entry 5: field `command` must be a string for the shell, or a list of strings (program and arguments), not a table
--! ShellCommand at FILE:18, entry 6: field `env` must be a table of strings by name; the key 1 is the number 1
--! ShellCommand at FILE:19, entry 7: field `cwd` must be a string that is not empty, not the number 5
--! ShellCommand at FILE:20, entry 8: field `stdin` must be a string, not a table
--! ShellStream at FILE:21, entry 9: field `reopen` must be a number of seconds, at least 0.1 and at most ten years, not the number 0.01
--! ShellStream at FILE:22, entry 10: field `parse` must be a function, not the string "%d+"
local dp = require "dumbprobe"
return {
  dp.ShellCommand{interval = 5, command = 5},
  dp.ShellCommand{interval = 5, command = ""},
  dp.ShellCommand{interval = 5, command = {}},
  dp.ShellCommand{interval = 5, command = {"echo", {}}},
  dp.ShellCommand{interval = 5, command = {program = "echo"}},
  dp.ShellCommand{interval = 5, command = "echo", env = {"A=1"}},
  dp.ShellCommand{interval = 5, command = "echo", cwd = 5},
  dp.ShellCommand{interval = 5, command = "echo", stdin = {}},
  dp.ShellStream{command = "echo", reopen = 0.01},
  dp.ShellStream{command = "echo", parse = "%d+"},
}
