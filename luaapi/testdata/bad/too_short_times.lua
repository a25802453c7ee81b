--! Function at FILE:9, entry 1: field `timeout` must be a number of seconds, at least 0.001 and at most ten years, not the number 1e-10
--! ShellCommand at FILE:10, entry 2: field `timeout` must be a number of seconds, at least 0.001 and at most ten years, not the number 0.0009
--! ShellStream at FILE:11, entry 3: field `silence` must be a number of seconds, at least 0.001 and at most ten years, not the number 1e-10
--! ShellStream at FILE:12, entry 4: field `reopen` must be a number of seconds, at least 0.1 and at most ten years, not the number 1e-10
--! FILE:13, entry 5: field `timeout` must be a number of seconds, at least 0.001 and at most ten years, not the number 1e-10
--! FILE:14, entry 6: field `poll` must be a number of seconds, at least 0.001 and at most ten years, not the number 1e-10
local dp = require "dumbprobe"
return {
  dp.Function{call = print, interval = 1, timeout = 1e-10},
  dp.ShellCommand{command = "true", interval = 1, timeout = 0.0009},
  dp.ShellStream{command = "true", silence = 1e-10},
  dp.ShellStream{command = "true", reopen = 1e-10},
  {next_run = print, run = print, timeout = 1e-10},
  {open = print, read_messages = print, close = print, poll = 1e-10},
}
