--! Function at FILE:4, entry 1: unknown field `host`; the keys of a location are written location = {host = ...}
local dp = require "dumbprobe"
return {
  dp.Function{call = print, interval = 5, host = "web01"},
}
