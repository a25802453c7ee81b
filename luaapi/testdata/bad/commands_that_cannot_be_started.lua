--! ShellCommand at FILE:11, entry 1: field `env` must be a table of strings by name; the name "A=B" is none of a variable
--! ShellCommand at FILE:12, entry 2: field `env` must be a table of strings by name; the name "" is none of a variable
--! ShellCommand at FILE:13, entry 3: field `env` must be a table of strings by name; the name "A\x00" is none of a variable
--! ShellCommand at FILE:14, entry 4: field `env` must be a table of strings by name; `A` has a NUL byte
--! ShellCommand at FILE:15, entry 5: field `command` must be a string for the shell, or a list of strings (program and arguments); it has a NUL byte
--! Nagios at FILE:16, entry 6: field `command` must be a string for the shell, or a list of strings (program and arguments); it has a NUL byte
--! ShellCommand at FILE:17, entry 7: field `cwd` must be a string that is not empty; it has a NUL byte
--! ShellStream at FILE:18, entry 8: field `command` must be a string for the shell, or a list of strings (program and arguments); it has a NUL byte; field `env` must be a table of strings by name; `A` has a NUL byte
local dp = require "dumbprobe"
return {
  dp.ShellCommand{interval = 5, command = "echo", env = {["A=B"] = "x"}},
  dp.ShellCommand{interval = 5, command = "echo", env = {[""] = "x"}},
  dp.ShellCommand{interval = 5, command = "echo", env = {["A\0"] = "x"}},
  dp.ShellCommand{interval = 5, command = "echo", env = {A = "a\0b"}},
  dp.ShellCommand{interval = 5, command = "echo a\0b"},
  dp.Nagios{interval = 5, command = {"echo", "a\0b"}},
  dp.ShellCommand{interval = 5, command = "echo", cwd = "/tmp\0"},
  dp.ShellStream{command = "\0", env = {A = "\0"}},
}
