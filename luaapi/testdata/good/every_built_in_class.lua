--! line 17: check Function, interval 5, name "function"
--! line 18: check ShellCommand, interval 0.5
--! line 19: check Nagios, interval 5, overlay "load" map[host:web01 service:load]
--! line 20: check Mine, interval 5
--! line 21: handle ShellStream, reopen 10, overlay "stream" map[host:web01]
--! line 22: handle Log, reopen 60, poll 1s, name "log", overlay "" map[file:x]
--! line 23: handle table, reopen 60, poll 1s
local dp = require "dumbprobe"

local Mine = dp.BaseCheck:extend{class = "Mine"}
function Mine:run() return {} end

local Log = dp.BaseHandle:extend{class = "Log"}
function Log:open() end

return {
  dp.Function{call = print, interval = 5, name = "function", args = {1, nil, 3}},
  dp.ShellCommand{command = {"echo", 5}, interval = 0.5, parse = print, stdin = "x", env = {A = "1"}, cwd = "/"},
  dp.Nagios{command = "check_load", interval = 5, aspect = "load", location = {host = "web01", service = "load"}},
  Mine{interval = 5, path = "/"},
  dp.ShellStream{command = "vmstat 1", reopen = 10, aspect = "stream", location = {host = "web01"}},
  Log{name = "log", location = {file = "x"}},
  {open = print, read_messages = print, close = print},
}
