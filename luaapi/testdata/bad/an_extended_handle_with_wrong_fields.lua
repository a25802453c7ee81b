--! Mine at FILE:7, entry 1: field `reopen` must be a number of seconds, at least 0.1 and at most ten years, not the string "soon"
--! FILE:8, entry 2: field `location` must be a table of strings by name (names of letters, digits and _), not the string "web01"
--! FILE:9, entry 3: field `reopen` must be a number of seconds, at least 0.1 and at most ten years, not the number 0.001
local dp = require "dumbprobe"
local Mine = dp.BaseHandle:extend{class = "Mine", open = function() end, location = "web01"}
return {
  Mine{reopen = "soon"},
  Mine{},
  {reopen = 0.001, open = function() end, read_messages = function() end, close = function() end},
}
