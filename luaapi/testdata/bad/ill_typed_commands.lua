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
  dp.ShellStream{command = "echo", reopen = 0},
  dp.ShellStream{command = "echo", parse = "%d+"},
}
