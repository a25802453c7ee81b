--! Mine at FILE:6, entry 1: field `reopen` must be a number of seconds, more than 0 and at most ten years, not the string "soon"
--! FILE:7, entry 2: field `location` must be a table of strings by name (names of letters, digits and _), not the string "web01"
local dp = require "dumbprobe"
local Mine = dp.BaseHandle:extend{class = "Mine", open = function() end, location = "web01"}
return {
  Mine{reopen = "soon"},
  Mine{},
}
