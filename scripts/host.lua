-- Checks of this very host, for Linux, read from /proc:
--
--     dumbprobe --checks scripts/host.lua
--
-- Each check is a function that returns a message, or a list of messages, and an entry of the list at the
-- end, which says how often it runs. They are made to be copied: take what you need into a file of your own.

local dp = require "dumbprobe"

-- The text of a file of /proc. Where it is missing, as in some containers, the check fails and says so.
local function text_of(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

-- A measured number. What a file does not tell could not be measured, and is null.
local function value(number, unit)
  return dp.Value(tonumber(number) or dp.null, {unit = unit})
end

-- A number that only grows, from when the host was started: the receiver makes a speed of it.
local function counter(number, unit)
  return dp.Value(tonumber(number) or dp.null, {unit = unit, type = "accumulative"})
end

local function uptime()
  return dp.Message{aspect = "uptime", value = value(text_of("/proc/uptime"):match("^%S+"), "s")}
end

local function load_average()
  local one, five, fifteen = text_of("/proc/loadavg"):match("^(%S+) (%S+) (%S+)")
  return dp.Message{
    aspect = "load average",
    values = {load1 = value(one), load5 = value(five), load15 = value(fifteen)},
  }
end

-- The kernel counts threads here: a process is at least one.
local function processes()
  local stat = text_of("/proc/stat")
  return dp.Message{
    aspect = "processes",
    values = {
      running = value(stat:match("\nprocs_running (%d+)"), "threads"),
      blocked = value(stat:match("\nprocs_blocked (%d+)"), "threads"),
      total = value(text_of("/proc/loadavg"):match("/(%d+)"), "threads"),
      started = counter(stat:match("\nprocesses (%d+)"), "threads"),
    },
  }
end

-- The first columns of the line `cpu`, which are in hundredths of a second.
local MODES = {"user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"}

local function cpu_time()
  local msg = dp.Message{aspect = "CPU time"}
  local ticks = {text_of("/proc/stat"):match("^cpu" .. (" +(%d+)"):rep(#MODES))}
  for i, mode in ipairs(MODES) do
    msg:set(mode, counter(ticks[i] and ticks[i] / 100, "s"))
  end
  return msg
end

local MEMORY = {
  MemTotal = "total", MemFree = "free", MemAvailable = "available", Buffers = "buffers", Cached = "cached",
  SwapTotal = "swap_total", SwapFree = "swap_free",
}

local function memory()
  local msg = dp.Message{aspect = "memory"}
  for name, kilobytes in text_of("/proc/meminfo"):gmatch("(%w+): +(%d+) kB") do
    if MEMORY[name] then
      msg:set(MEMORY[name], value(kilobytes * 1024, "B"))
    end
  end
  return msg
end

-- The columns of /proc/net/dev by number: what came in first, then what went out.
local TRAFFIC = {
  [1] = {"received", "B"}, [2] = {"received_packets", "packets"},
  [3] = {"receive_errors", "packets"}, [4] = {"receive_drops", "packets"},
  [9] = {"sent", "B"}, [10] = {"sent_packets", "packets"},
  [11] = {"send_errors", "packets"}, [12] = {"send_drops", "packets"},
}

local function network()
  local messages = {}
  for interface, numbers in text_of("/proc/net/dev"):gmatch("(%S+): *(%d[%d ]*)") do
    local msg = dp.Message{aspect = "network traffic", location = {interface = interface}}
    local column = 0
    for number in numbers:gmatch("%d+") do
      column = column + 1
      if TRAFFIC[column] then
        msg:set(TRAFFIC[column][1], counter(number, TRAFFIC[column][2]))
      end
    end
    table.insert(messages, msg)
  end
  return messages
end

-- These are always full: images, which are mounted read-only.
local IMAGES = {squashfs = true, iso9660 = true, erofs = true, udf = true}

-- Whether there is a disk of this host behind a mount. File systems of the network are left out: one that
-- does not answer would hold up the others. A container's root is told, whatever it is made of.
local function is_real(source, mount_point, kind)
  return not IMAGES[kind] and (source:find("^/dev/") or kind == "zfs" or mount_point == "/")
end

-- The message about one file system.
local function space_of(mount_point)
  local fs = assert(dp.statvfs(mount_point))
  return dp.Message{
    aspect = "disk space",
    location = {filesystem = mount_point},
    values = {total = value(fs.total, "B"), free = value(fs.free, "B"), available = value(fs.available, "B")},
  }
end

local function disk_space()
  local messages, seen = {}, {}
  for line in io.lines("/proc/mounts") do
    local source, mount_point, kind = line:match("^(%S+) (%S+) (%S+)")
    -- A space in a path is written there as \040.
    mount_point = mount_point:gsub("\\(%d%d%d)", function(octal) return string.char(tonumber(octal, 8)) end)
    if is_real(source, mount_point, kind) and not seen[source] and not seen[mount_point] then
      seen[source], seen[mount_point] = true, true -- a disk may be mounted in several places
      table.insert(messages, space_of(mount_point))
    end
  end
  return messages
end

-- What the checks have in common; it goes into the location of their messages.
local host = {host = dp.hostname()}

return {
  dp.Function{name = "host uptime", call = uptime, interval = 60, location = host},
  dp.Function{name = "host load average", call = load_average, interval = 10, location = host},
  dp.Function{name = "host processes", call = processes, interval = 10, location = host},
  dp.Function{name = "host CPU time", call = cpu_time, interval = 10, location = host},
  dp.Function{name = "host memory", call = memory, interval = 10, location = host},
  dp.Function{name = "host network", call = network, interval = 10, location = host},
  dp.Function{name = "host disk space", call = disk_space, interval = 60, location = host},
}
