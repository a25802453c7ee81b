--! Function at FILE:7, entry 1: field `location` must be a table of strings by name (names of letters, digits and _), not the string "web01"
--! Function at FILE:8, entry 2: field `location` must be a table of strings by name (names of letters, digits and _); the key 1 is the number 1
--! Function at FILE:9, entry 3: field `location` must be a table of strings by name (names of letters, digits and _); `host` is the number 5
--! Function at FILE:10, entry 4: field `location` must be a table of strings by name (names of letters, digits and _); the name "host name" has other characters
local dp = require "dumbprobe"
return {
  dp.Function{call = print, interval = 5, location = "web01"},
  dp.Function{call = print, interval = 5, location = {"web01"}},
  dp.Function{call = print, interval = 5, location = {host = 5}},
  dp.Function{call = print, interval = 5, location = {["host name"] = "web01"}},
}
