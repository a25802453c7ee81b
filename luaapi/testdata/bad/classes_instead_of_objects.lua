--! FILE:14, entry 1: found a class, expected an object of it: call it, with a table of fields
--! FILE:15, entry 2: found a class, expected an object of it: call it, with a table of fields
--! FILE:16, entry 3: found a class, expected an object of it: call it, with a table of fields
--! FILE:17, entry 4: found a class, expected an object of it: call it, with a table of fields
--! FILE:18, entry 5: found a class, expected an object of it: call it, with a table of fields
--! FILE:19, entry 6: found a class, expected an object of it: call it, with a table of fields
--! FILE:20, entry 7: found a class, expected an object of it: call it, with a table of fields
local dp = require "dumbprobe"
local Mine = dp.BaseCheck:extend{class = "Mine"}
local Old = {}
Old.__index = Old
function Old:run() end
return {
  dp.Function,
  dp.BaseCheck,
  dp.ShellStream,
  dp.BaseHandle,
  Mine,
  Old,
  dp.Message,
}
