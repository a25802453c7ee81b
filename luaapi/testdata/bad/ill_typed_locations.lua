local dp = require "dumbprobe"
return {
  dp.Function{call = print, interval = 5, location = "web01"},
  dp.Function{call = print, interval = 5, location = {"web01"}},
  dp.Function{call = print, interval = 5, location = {host = 5}},
  dp.Function{call = print, interval = 5, location = {["host name"] = "web01"}},
}
