--! FILE:13, entry 1: found the number 5, expected a check or a handle
--! FILE:14, entry 2: found the string "check_load", expected a check or a handle
--! FILE:15, entry 3: found the boolean false, expected a check or a handle
--! FILE:16, entry 4: found a function, expected a check or a handle
--! FILE:17, entry 5: found a thread, expected a check or a handle
--! FILE:18, entry 6: found a table without the methods of a check (next_run, run) or of a handle (open, read_messages, close)
--! FILE:19, entry 7: found dumbprobe.null without the methods of a check (next_run, run) or of a handle (open, read_messages, close)
--! FILE:20, entry 8: found a Message without the methods of a check (next_run, run) or of a handle (open, read_messages, close)
--! FILE:21, entry 9: found a Value without the methods of a check (next_run, run) or of a handle (open, read_messages, close)
--! FILE:22, entry 10: found a table without the methods of a check (next_run, run) or of a handle (open, read_messages, close)
local dp = require "dumbprobe"
return {
  5,
  "check_load",
  false,
  function() end,
  coroutine.create(function() end),
  {},
  dp.null,
  dp.Message{aspect = "x", value = 1},
  dp.Value(5),
  dp,
}
