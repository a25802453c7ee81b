--! FILE:4, entry 1: found a table without the methods of a check (next_run, run) or of a handle (open, read_messages, close)
local dp = require "dumbprobe"
return {
  {dp.Function{call = print, interval = 5}},
}
