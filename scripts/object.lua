-- CHECKS as an object: a script that says itself what runs when.
--
--     dumbprobe --checks scripts/object.lua
--
-- The daemon calls run_next over and over. It waits until it is time, and returns the messages to send. This
-- one looks at the load every 10 seconds, and every second while the host is busy: a list with intervals
-- could not do that.

local dp = require "dumbprobe"

local watch = {
  busy = 2,    -- the load from which on it looks often
  often = 1,   -- seconds between two looks then
  seldom = 10, -- seconds otherwise
  due = 0,     -- unix time of the next look
}

function watch:run_next()
  dp.sleep(math.max(0, self.due - dp.time()))
  local file = assert(io.open("/proc/loadavg"))
  local load = file:read("*n")
  file:close()
  local interval = load > self.busy and self.often or self.seldom
  self.due = dp.time() + interval
  return {
    dp.Message{
      aspect = "load average",
      location = {host = dp.hostname()},
      values = {load1 = dp.Value(load):set_above(self.busy, "busy", "warning")},
      interval = interval,
    },
  }
end

return watch
