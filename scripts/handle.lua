-- A handle of one's own: it follows a log file, and sends a message for each line that tells of trouble.
--
--     DUMBPROBE_LOG=/tmp/my.log dumbprobe --checks scripts/handle.lua
--     echo "ERROR: the disk is on fire" >> /tmp/my.log
--
-- Waiting for the file, its rotation and cutting it into lines are done by the reader; Lua sees whole lines.

local dp = require "dumbprobe"

local LogFile = dp.BaseHandle:extend{class = "LogFile", reopen = 10}

-- The first word that is found in a line decides; a line with none of them is ignored.
LogFile.rules = {
  {word = "error", state = "error", severity = "error"},
  {word = "warn", state = "warning", severity = "warning"},
}

function LogFile:open()
  self.reader = dp.reader.file{path = self.path, follow = true, from_end = true}
end

function LogFile:parse(line)
  for _, rule in ipairs(self.rules) do
    if line:lower():find(rule.word, 1, true) then
      return dp.Message{
        aspect = "log",
        state = rule.state,
        severity = rule.severity,
        comment = line:gsub("[\128-\255]", "?"), -- a log may hold anything, a message only UTF-8
      }
    end
  end
  return {}
end

local path = os.getenv("DUMBPROBE_LOG") or "/var/log/syslog"

return {LogFile{path = path, location = {host = dp.hostname(), file = path}}}
