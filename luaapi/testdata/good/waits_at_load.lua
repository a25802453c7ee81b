--! line 0: check Function, interval 1, name "a"
--! line 0: check Function, interval 1, name "b"
local dp = require "dumbprobe"

dp.sleep(0.01)
local names = {}
for line in io.popen("echo a; echo b"):lines() do
  names[#names + 1] = dp.Function{call = print, interval = 1, name = line}
end
return names
