-- How much goes over each network interface, per second: the kernel counts bytes, and the check remembers
-- what it counted the last time. With --state DIR it does so over a restart as well.
local dp = require "dumbprobe"

local function rates()
  local file = assert(io.open("/proc/net/dev"))
  local text = file:read("*a")
  file:close()
  local messages = {}
  for interface, received, sent in text:gmatch("(%S+): *(%d+)" .. (" +%d+"):rep(7) .. " +(%d+)") do
    local values = {
      received = dp.state:rate(interface .. " received", tonumber(received)),
      sent = dp.state:rate(interface .. " sent", tonumber(sent)),
    }
    if values.received and values.sent then -- there is no rate in the first run
      for name, rate in pairs(values) do
        values[name] = dp.Value(rate, {unit = "B/s"})
      end
      table.insert(messages, dp.Message{
        aspect = "network throughput", location = {host = dp.hostname(), interface = interface}, values = values,
      })
    end
  end
  return messages
end

return {
  dp.Function{name = "network throughput", call = rates, interval = 60},
}
