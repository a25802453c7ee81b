-- The example of the Python original, in Lua: one entry of each kind.
--
--     dumbprobe --checks scripts/example.lua
--
-- It uses Monitoring Plugins and iostat (Debian: monitoring-plugins-basic, sysstat). What is not installed is
-- reported as an error; the rest goes on.

local dp = require "dumbprobe"

local function uptime()
  local file = assert(io.open("/proc/uptime"))
  local seconds = file:read("*n")
  file:close()
  return dp.Message{aspect = "uptime", location = {host = dp.hostname()}, value = seconds}
end

local MB = 1024 * 1024

local function df(mount_point)
  local stat = assert(dp.statvfs(mount_point))
  local result = dp.Message{
    aspect = "disk space",
    location = {host = dp.hostname(), filesystem = mount_point},
  }
  result:set("free", dp.Value(stat.free / MB, {unit = "MB"}))
  result:set("total", dp.Value(stat.total / MB, {unit = "MB"}))
  return result
end

-- Prints a message for each account of a person, and for root: one JSON object per line.
local read_etc_passwd = [[
awk -F: -v now="$(date +%s)" '$3 == 0 || $3 >= 1000 && $1 != "nobody" {
  printf "{\"v\": 3, \"time\": %s, \"location\": {\"user\": \"%s\"}, ", now, $1
  printf "\"event\": {\"name\": \"account\", \"vset\": {\"uid\": {\"value\": %d}, \"gid\": {\"value\": %d}}}}\n", $3, $4
}' /etc/passwd]]

local function parse_lines(stdout)
  local messages = {}
  for line in stdout:gmatch("[^\n]+") do
    table.insert(messages, dp.json.decode(line))
  end
  return messages
end

local function parse_random(stdout)
  return dp.Message{aspect = "random", value = tonumber(stdout)}
end

-- iostat's columns: device, tps, kB_read/s, kB_wrtn/s, and then totals, which depend on the version.
local function parse_iostat(line)
  local device, tps, read_speed, write_speed = line:match("^(%S+)%s+(%S+)%s+(%S+)%s+(%S+)")
  if not device or not (device:find("^sd") or device:find("^dm%-") or device:find("^vd") or device:find("^nvme")) then
    return {} -- a headline
  end
  local result = dp.Message{
    aspect = "disk I/O",
    location = {host = dp.hostname(), device = device},
  }
  result:set("read_speed", dp.Value(tonumber(read_speed), {unit = "kB/s"}))
  result:set("write_speed", dp.Value(tonumber(write_speed), {unit = "kB/s"}))
  result:set("transactions", dp.Value(tonumber(tps), {unit = "tps"}))
  return result
end

-- For commands that print numbers: some locales have a comma where Lua expects a point.
local C = {LC_ALL = "C"}

CHECKS = {
  -- a function that is called every 60 s, without arguments
  dp.Function{call = uptime, interval = 60},
  -- a function that is called every 30 minutes, with one argument
  dp.Function{call = df, args = {"/"}, interval = 30 * 60},
  dp.Function{call = df, args = {"/home"}, interval = 30 * 60},
  dp.Function{call = df, args = {"/tmp"}, interval = 30 * 60},
  -- a command for the shell (`sh -c`), which prints a list of JSON objects (parse could be left out: this is
  -- what is done without it)
  dp.ShellCommand{command = read_etc_passwd, parse = parse_lines, interval = 60},
  -- a command that runs without a shell, and prints one number
  dp.ShellCommand{
    command = {"awk", "BEGIN { srand(); print 0.5 * rand() }"},
    env = C,
    parse = parse_random,
    interval = 30,
    location = {host = dp.hostname()},
  },
  -- and two Monitoring Plugins: this one runs without a shell
  dp.Nagios{
    command = {"/usr/lib/nagios/plugins/check_load", "-w", "0.25", "-c", "0.5"},
    interval = 10,
    aspect = "load average",
    location = {host = dp.hostname(), service = "load"},
  },
  -- this one runs with a shell
  dp.Nagios{
    command = "/usr/lib/nagios/plugins/check_users -w 3 -c 5",
    interval = 60,
    aspect = "wtmp",
    location = {host = dp.hostname(), service = "users"},
  },
  -- iostat(1) runs all the time and prints statistics every 20 s, which become messages
  dp.ShellStream{command = {"/usr/bin/iostat", "-p", "20"}, env = C, parse = parse_iostat},
}
