--! FILE:9, entry 3: found the same object as at entry 1; a check that is to run twice is made twice
--! FILE:10, entry 4: found the same object as at entry 2; a check that is to run twice is made twice
local dp = require "dumbprobe"
local x = dp.Function{interval = 1, call = function() return {} end}
local t = {next_run = function() return 0 end, run = function() return {} end}
return {
  x,
  t,
  x,
  t,
}
