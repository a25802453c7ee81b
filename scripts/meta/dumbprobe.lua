---@meta dumbprobe

-- Types for editors. Made of the table in luaapi by go generate ./luaapi: do not edit.

--- What a run gives: a Message, a table with keys that can be written as a JSON object, or a list of them; `{}` if there is nothing to send.
---@alias dumbprobe.Messages dumbprobe.Message|table|(dumbprobe.Message|table)[]

--- What a script gives the daemon: a list of checks and handles, or an object that schedules itself.
---@alias dumbprobe.Checks (dumbprobe.Check|dumbprobe.Handle)[]|dumbprobe.Object

--- What the daemon needs of a check: any table or object with these methods is one.
---
--- ```lua
--- local dp = require "dumbprobe"
---
--- local inner = dp.ShellCommand{command = {"echo", '{"n": 1}'}, interval = 60}
---
--- CHECKS = {{
---   next_run = function() return dp.time() + 60 end,
---   run = function() return inner:run() end,
---   check_name = function() return "around" end,
--- }}
--- ```
---@class dumbprobe.Check
---@field next_run fun(self): number # gives the unix time, in seconds, of the next run; one in the past means now
---@field run fun(self): dumbprobe.Messages # runs the check; nil is an error, and a check never overlaps itself
---@field check_name? fun(self): string? # gives the name of the check in logs, metrics and state; default: `<script>#<position> <Class>`

--- What the daemon needs of a handle: a source that gives messages whenever data arrives. Any table or object with these methods is one; it starts closed.
---
--- ```lua
--- local dp = require "dumbprobe"
---
--- local handle = {}
---
--- function handle:open()
---   self.reader = dp.reader.command{command = "echo 1; echo 2"}
--- end
---
--- function handle:read_messages()
---   local messages = {}
---   for _, line in ipairs(self.reader:take()) do
---     table.insert(messages, dp.Message{aspect = "numbers", value = tonumber(line)})
---   end
---   return messages
--- end
---
--- function handle:close()
---   if self.reader then
---     self.reader:close()
---   end
--- end
---
--- CHECKS = {handle}
--- ```
---@class dumbprobe.Handle
---@field open fun(self) # starts the source; an error means that it could not be opened, and it is opened again later
---@field read_messages fun(self): dumbprobe.Messages, dumbprobe.EOF? # gives the messages of what has arrived, and dumbprobe.EOF as a second result at the end of the data; must not wait
---@field close fun(self) # stops the source, after the end of the data, on reload and on shutdown; closing twice must be no error
---@field check_name? fun(self): string? # gives the name of the handle in logs, metrics and state; default: `<script>#<position> <Class>`
---@field reader? dumbprobe.Reader # set by `open`: read_messages is called when it has data; a handle without a reader is asked every second

--- A script's CHECKS that schedules itself.
---
--- ```lua
--- local dp = require "dumbprobe"
---
--- local object = {n = 0}
---
--- function object:run_next()
---   dp.sleep(0.01)
---   self.n = self.n + 1
---   return dp.Message{aspect = "turns", value = self.n}
--- end
---
--- CHECKS = object
--- ```
---@class dumbprobe.Object
---@field run_next fun(self): dumbprobe.Messages|fun(): dumbprobe.Message|table|nil # called over and over: waits until it is time, and gives messages, or an iterator over them

--- What a command printed, and how it ended.
---@class dumbprobe.CommandResult
---@field stdout string # its standard output
---@field stderr string # its standard error
---@field code integer # the exit code, or minus the signal's number
---@field truncated boolean # whether output was cut, after 1 MiB
---@field duration number # how long it ran (seconds)

--- The size of a file system.
---@class dumbprobe.FileSystem
---@field total number # its size (bytes)
---@field free number # what is free (bytes)
---@field available number # what is free to users other than root (bytes)
---@field files number # how many files it can hold; 0 where it has no fixed number (inodes)
---@field files_free number # how many more files it can hold (inodes)
---@field block_size number # the unit that it is given out in (bytes)
---@field read_only boolean # whether it is mounted read-only

--- Checks, handles, messages, and what they need. `local dp = require "dumbprobe"`.
---@class dumbprobe
local dumbprobe = {}

dumbprobe.json = require "dumbprobe.json"

dumbprobe.log = require "dumbprobe.log"

dumbprobe.reader = require "dumbprobe.reader"

--- JSON's null, which a Lua table cannot hold as nil; as a value: could not be measured.
---
--- ```lua
--- local dp = require "dumbprobe"
--- assert(dp.json.encode{free = dp.null} == '{"free":null}')
--- ```
---@class dumbprobe.null
dumbprobe.null = {}

--- What read_messages returns, or raises, at the end of the data.
---
--- ```lua
--- local dp = require "dumbprobe"
--- local handle = {open = function() end, close = function() end}
--- function handle:read_messages()
---   return {}, dp.EOF
--- end
--- CHECKS = {handle}
--- ```
---@class dumbprobe.EOF
dumbprobe.EOF = {}

--- The store of the check, handle or object that runs now: what it keeps from one run to the next, over a reload, and with `--state` over a restart.
---
--- ```lua
--- local dp = require "dumbprobe"
--- CHECKS = {dp.Function{interval = 60, name = "turns", call = function()
---   return dp.Message{aspect = "turns", value = dp.state:incr("turns")}
--- end}}
--- ```
---@type dumbprobe.State
dumbprobe.state = nil

--- The version of the daemon.
---
--- ```lua
--- local dp = require "dumbprobe"
--- print("dumbprobe " .. dp.version)
--- ```
---@type string
dumbprobe.version = nil

--- The name of this host.
---
--- ```lua
--- local dp = require "dumbprobe"
--- assert(dp.hostname() ~= "")
--- ```
---@return string
function dumbprobe.hostname() end

--- The time, with fractions.
---
--- ```lua
--- local dp = require "dumbprobe"
--- local start = dp.time()
--- dp.sleep(0.01)
--- assert(dp.time() > start)
--- ```
---@return number # unix time in seconds
function dumbprobe.time() end

--- Lets time pass.
---
--- Waits: other checks of the file go on meanwhile.
---
--- Errors: when the check's deadline passes.
---
--- ```lua
--- local dp = require "dumbprobe"
--- dp.sleep(0.01)
--- ```
---@param seconds number # how long (seconds)
function dumbprobe.sleep(seconds) end

--- Marks a table as a list, so that it is written as one even when it is empty.
---
--- ```lua
--- local dp = require "dumbprobe"
--- assert(dp.json.encode{tags = dp.array{}} == '{"tags":[]}')
--- ```
---@param list? table # default: {}
---@return table # the same table
function dumbprobe.array(list) end

---@class dumbprobe.command.Options
---@field stdin? string # what the command reads from its standard input; default: nothing
---@field env? table<string, string> # environment variables, added to the daemon's; default: {}
---@field max_output? integer # how much of its output, and of its standard error, is kept; the rest is discarded, and `truncated` set (bytes); default: 1 MiB
---@field cwd? string # the directory it runs in; default: the daemon's
---@field timeout? number # how long it may take (seconds); default: the check's deadline

--- Runs a command to its end.
---
--- Waits: other checks of the file go on meanwhile.
---
--- Errors: when the command cannot be started, and when its timeout or the check's deadline passes: then it is killed with all its descendants.
---
--- ```lua
--- local dp = require "dumbprobe"
--- local result = dp.command({"sh", "-c", "echo out; exit 3"})
--- assert(result.stdout == "out\n" and result.code == 3)
--- ```
---@param command string|string[] # a string runs through `/bin/sh -c`, a list directly
---@param options? dumbprobe.command.Options
---@return dumbprobe.CommandResult # what it printed, and how it ended
function dumbprobe.command(command, options) end

--- The size of the file system that a path is on.
---
--- Waits: other checks of the file go on meanwhile.
---
--- ```lua
--- local dp = require "dumbprobe"
--- local fs = assert(dp.statvfs("/"))
--- assert(fs.free <= fs.total)
--- ```
---@param path string # any path on it
---@return dumbprobe.FileSystem? # its sizes; nil if they cannot be told
---@return string? # why it cannot be told
function dumbprobe.statvfs(path) end

---@class dumbprobe.BaseCheck.Fields
---@field interval? number # time from one run to the next, whatever a run takes, 0.001 at least; needed unless there is a `cron` (seconds)
---@field name? string # name of the check in logs, metrics and state; default: `<script>#<position> <Class>`
---@field aspect? string # overwrites the aspect of the check's messages
---@field location? table<string, string> # its keys overwrite those of the messages' location
---@field timeout? number # how long a run may take (seconds); default: 60, or `--timeout`
---@field max_instructions? integer # how many instructions of Lua a run may execute; default: no limit, or `--max-instructions`
---@field cron? string # runs at these times instead of at an interval: minute, hour, day of month, month, day of week, as in `*/5 8-18 * * mon-fri`
---@field timezone? string # the time zone of `cron`, as in `Europe/Warsaw`; default: the daemon's
---@field align? boolean # runs at the multiples of the interval on the wall clock: every full minute, hour; default: false
---@field splay? number # runs later by up to this much; by how much depends on the name alone, so that a restart does not move it (seconds); default: 0
---@field jitter? number # each run is later by a random time of up to this much; the interval stays the same on average (seconds); default: 0
---@field retry_interval? number # time to the next run after one that failed, or whose state was not `expected`; 0.001 at least (seconds)
---@field first? "now"|"spread"|"interval" # when the first run is: at once, within the first interval (where depends on the name), or one interval later; default: `now`; with `align` and `cron` the first time that fits
---@field [string] any # of your own

--- The base for classes of checks of your own: `BaseCheck:extend{...}`. Write `run`; the interval, aspect and location are kept for you.
---
--- ```lua
--- local dp = require "dumbprobe"
---
--- local Exists = dp.BaseCheck:extend{class = "Exists"}
---
--- function Exists:run()
---   local file = io.open(self.path)
---   if file then
---     file:close()
---   end
---   return dp.Message{aspect = "file", state = file and "present" or "missing"}
--- end
---
--- CHECKS = {Exists{path = "/etc/passwd", interval = 60, location = {file = "/etc/passwd"}}}
--- ```
---@class dumbprobe.BaseCheck : dumbprobe.Check
---@field interval? number # time from one run to the next, whatever a run takes, 0.001 at least; needed unless there is a `cron` (seconds)
---@field name? string # name of the check in logs, metrics and state; default: `<script>#<position> <Class>`
---@field aspect? string # overwrites the aspect of the check's messages
---@field location? table<string, string> # its keys overwrite those of the messages' location
---@field timeout? number # how long a run may take (seconds); default: 60, or `--timeout`
---@field max_instructions? integer # how many instructions of Lua a run may execute; default: no limit, or `--max-instructions`
---@field cron? string # runs at these times instead of at an interval: minute, hour, day of month, month, day of week, as in `*/5 8-18 * * mon-fri`
---@field timezone? string # the time zone of `cron`, as in `Europe/Warsaw`; default: the daemon's
---@field align? boolean # runs at the multiples of the interval on the wall clock: every full minute, hour; default: false
---@field splay? number # runs later by up to this much; by how much depends on the name alone, so that a restart does not move it (seconds); default: 0
---@field jitter? number # each run is later by a random time of up to this much; the interval stays the same on average (seconds); default: 0
---@field retry_interval? number # time to the next run after one that failed, or whose state was not `expected`; 0.001 at least (seconds)
---@field first? "now"|"spread"|"interval" # when the first run is: at once, within the first interval (where depends on the name), or one interval later; default: `now`; with `align` and `cron` the first time that fits
---@field last_run? number # when the check ran last; the daemon sets it before each run (unix time, seconds)
---@field [string] any # of your own
---@overload fun(fields: dumbprobe.BaseCheck.Fields): dumbprobe.BaseCheck
local BaseCheck = {}
dumbprobe.BaseCheck = BaseCheck

--- Makes a class: the methods and default fields in the table are those of its objects. `class` names it; `init(self)`, where there is one, is called for each new object.
---@param members? table # methods, default values of fields, and `class`
---@return dumbprobe.BaseCheck # the class; call it with a table of fields to make an object
function BaseCheck:extend(members) end

--- When the check is due: one interval after its last run.
---@return number # unix time in seconds
function BaseCheck:next_run() end

--- Notes that the check runs now, in `last_run`. The daemon does this before each run.
---
--- ```lua
--- local dp = require "dumbprobe"
--- local Mine = dp.BaseCheck:extend{class = "Mine"}
--- local check = Mine{interval = 60}
--- check:mark_run()
--- assert(check:next_run() > dp.time() + 50)
--- ```
function BaseCheck:mark_run() end

--- The field `name`.
---@return string? # nil if there is none
function BaseCheck:check_name() end

--- Sets the check's aspect and location on a message, or a list of them. The daemon does this to all that `run` returns.
---
--- ```lua
--- local dp = require "dumbprobe"
--- local Mine = dp.BaseCheck:extend{class = "Mine"}
--- local check = Mine{interval = 60, location = {host = "web01"}}
--- local msg = check:populate(dp.Message{aspect = "load", value = 0.5})
--- assert(msg.location.host == "web01")
--- ```
---@param messages dumbprobe.Messages
---@return dumbprobe.Messages # the same, changed in place
function BaseCheck:populate(messages) end

--- Runs the check; a class of your own has to define it.
---
--- Errors: always, unless it is defined.
---@return dumbprobe.Messages
function BaseCheck:run() end

---@class dumbprobe.Function.Fields
---@field call fun(...): dumbprobe.Messages # returns a message, a list of messages, or {} if there is nothing to send
---@field args? any[] # a list, the arguments of the call; default: {}
---@field interval? number # time from one run to the next, whatever a run takes, 0.001 at least; needed unless there is a `cron` (seconds)
---@field name? string # name of the check in logs, metrics and state; default: `<script>#<position> <Class>`
---@field aspect? string # overwrites the aspect of the check's messages
---@field location? table<string, string> # its keys overwrite those of the messages' location
---@field timeout? number # how long a run may take (seconds); default: 60, or `--timeout`
---@field max_instructions? integer # how many instructions of Lua a run may execute; default: no limit, or `--max-instructions`
---@field cron? string # runs at these times instead of at an interval: minute, hour, day of month, month, day of week, as in `*/5 8-18 * * mon-fri`
---@field timezone? string # the time zone of `cron`, as in `Europe/Warsaw`; default: the daemon's
---@field align? boolean # runs at the multiples of the interval on the wall clock: every full minute, hour; default: false
---@field splay? number # runs later by up to this much; by how much depends on the name alone, so that a restart does not move it (seconds); default: 0
---@field jitter? number # each run is later by a random time of up to this much; the interval stays the same on average (seconds); default: 0
---@field retry_interval? number # time to the next run after one that failed, or whose state was not `expected`; 0.001 at least (seconds)
---@field first? "now"|"spread"|"interval" # when the first run is: at once, within the first interval (where depends on the name), or one interval later; default: `now`; with `align` and `cron` the first time that fits

--- Calls a Lua function, and sends the messages that it returns.
---
--- ```lua
--- local dp = require "dumbprobe"
---
--- local function uptime()
---   for line in io.lines("/proc/uptime") do
---     return dp.Message{aspect = "uptime", value = tonumber(line:match("^%S+"))}
---   end
--- end
---
--- CHECKS = {dp.Function{call = uptime, interval = 60}}
--- ```
---@class dumbprobe.Function : dumbprobe.Check
---@field interval? number # time from one run to the next, whatever a run takes, 0.001 at least; needed unless there is a `cron` (seconds)
---@field name? string # name of the check in logs, metrics and state; default: `<script>#<position> <Class>`
---@field aspect? string # overwrites the aspect of the check's messages
---@field location? table<string, string> # its keys overwrite those of the messages' location
---@field timeout? number # how long a run may take (seconds); default: 60, or `--timeout`
---@field max_instructions? integer # how many instructions of Lua a run may execute; default: no limit, or `--max-instructions`
---@field cron? string # runs at these times instead of at an interval: minute, hour, day of month, month, day of week, as in `*/5 8-18 * * mon-fri`
---@field timezone? string # the time zone of `cron`, as in `Europe/Warsaw`; default: the daemon's
---@field align? boolean # runs at the multiples of the interval on the wall clock: every full minute, hour; default: false
---@field splay? number # runs later by up to this much; by how much depends on the name alone, so that a restart does not move it (seconds); default: 0
---@field jitter? number # each run is later by a random time of up to this much; the interval stays the same on average (seconds); default: 0
---@field retry_interval? number # time to the next run after one that failed, or whose state was not `expected`; 0.001 at least (seconds)
---@field first? "now"|"spread"|"interval" # when the first run is: at once, within the first interval (where depends on the name), or one interval later; default: `now`; with `align` and `cron` the first time that fits
---@overload fun(fields: dumbprobe.Function.Fields): dumbprobe.Function
local Function = {}
dumbprobe.Function = Function

--- Runs the check now; the daemon calls it.
---
--- Waits: other checks of the file go on meanwhile.
---
--- Errors: what a run of the check fails with.
---@return dumbprobe.Messages # what it found, with aspect and location set
function Function:run() end

--- When the check is due: one interval after its last run.
---@return number # unix time in seconds
function Function:next_run() end

--- The name that was given to the constructor.
---@return string? # nil if none was given
function Function:check_name() end

---@class dumbprobe.ShellCommand.Fields
---@field command string|string[] # a string runs through `/bin/sh -c`, a list directly
---@field stdin? string # what the command reads from its standard input; default: nothing
---@field env? table<string, string> # environment variables, added to the daemon's; default: {}
---@field max_output? integer # how much of its output, and of its standard error, is kept; the rest is discarded, and `truncated` set (bytes); default: 1 MiB
---@field cwd? string # the directory it runs in; default: the daemon's
---@field parse? fun(stdout: string, code: integer, stderr: string, result: dumbprobe.CommandResult): dumbprobe.Messages # makes messages of the output; `code` is the exit code, or minus the signal's number
---@field interval? number # time from one run to the next, whatever a run takes, 0.001 at least; needed unless there is a `cron` (seconds)
---@field name? string # name of the check in logs, metrics and state; default: `<script>#<position> <Class>`
---@field aspect? string # overwrites the aspect of the check's messages
---@field location? table<string, string> # its keys overwrite those of the messages' location
---@field timeout? number # how long a run may take (seconds); default: 60, or `--timeout`
---@field max_instructions? integer # how many instructions of Lua a run may execute; default: no limit, or `--max-instructions`
---@field cron? string # runs at these times instead of at an interval: minute, hour, day of month, month, day of week, as in `*/5 8-18 * * mon-fri`
---@field timezone? string # the time zone of `cron`, as in `Europe/Warsaw`; default: the daemon's
---@field align? boolean # runs at the multiples of the interval on the wall clock: every full minute, hour; default: false
---@field splay? number # runs later by up to this much; by how much depends on the name alone, so that a restart does not move it (seconds); default: 0
---@field jitter? number # each run is later by a random time of up to this much; the interval stays the same on average (seconds); default: 0
---@field retry_interval? number # time to the next run after one that failed, or whose state was not `expected`; 0.001 at least (seconds)
---@field first? "now"|"spread"|"interval" # when the first run is: at once, within the first interval (where depends on the name), or one interval later; default: `now`; with `align` and `cron` the first time that fits

--- Runs a command and makes messages of what it prints. Without `parse` it prints JSON objects, which are the messages, and an exit code other than 0 is an error.
---
--- ```lua
--- local dp = require "dumbprobe"
---
--- CHECKS = {
---   dp.ShellCommand{
---     command = {"echo", "0.5"},
---     parse = function(stdout, code)
---       return dp.Message{aspect = "random", value = tonumber(stdout)}
---     end,
---     interval = 30,
---   },
--- }
--- ```
---@class dumbprobe.ShellCommand : dumbprobe.Check
---@field interval? number # time from one run to the next, whatever a run takes, 0.001 at least; needed unless there is a `cron` (seconds)
---@field name? string # name of the check in logs, metrics and state; default: `<script>#<position> <Class>`
---@field aspect? string # overwrites the aspect of the check's messages
---@field location? table<string, string> # its keys overwrite those of the messages' location
---@field timeout? number # how long a run may take (seconds); default: 60, or `--timeout`
---@field max_instructions? integer # how many instructions of Lua a run may execute; default: no limit, or `--max-instructions`
---@field cron? string # runs at these times instead of at an interval: minute, hour, day of month, month, day of week, as in `*/5 8-18 * * mon-fri`
---@field timezone? string # the time zone of `cron`, as in `Europe/Warsaw`; default: the daemon's
---@field align? boolean # runs at the multiples of the interval on the wall clock: every full minute, hour; default: false
---@field splay? number # runs later by up to this much; by how much depends on the name alone, so that a restart does not move it (seconds); default: 0
---@field jitter? number # each run is later by a random time of up to this much; the interval stays the same on average (seconds); default: 0
---@field retry_interval? number # time to the next run after one that failed, or whose state was not `expected`; 0.001 at least (seconds)
---@field first? "now"|"spread"|"interval" # when the first run is: at once, within the first interval (where depends on the name), or one interval later; default: `now`; with `align` and `cron` the first time that fits
---@overload fun(fields: dumbprobe.ShellCommand.Fields): dumbprobe.ShellCommand
local ShellCommand = {}
dumbprobe.ShellCommand = ShellCommand

--- Runs the check now; the daemon calls it.
---
--- Waits: other checks of the file go on meanwhile.
---
--- Errors: what a run of the check fails with.
---@return dumbprobe.Messages # what it found, with aspect and location set
function ShellCommand:run() end

--- When the check is due: one interval after its last run.
---@return number # unix time in seconds
function ShellCommand:next_run() end

--- The name that was given to the constructor.
---@return string? # nil if none was given
function ShellCommand:check_name() end

---@class dumbprobe.Nagios.Fields
---@field command string|string[] # a string runs through `/bin/sh -c`, a list directly
---@field stdin? string # what the command reads from its standard input; default: nothing
---@field env? table<string, string> # environment variables, added to the daemon's; default: {}
---@field max_output? integer # how much of its output, and of its standard error, is kept; the rest is discarded, and `truncated` set (bytes); default: 1 MiB
---@field cwd? string # the directory it runs in; default: the daemon's
---@field interval? number # time from one run to the next, whatever a run takes, 0.001 at least; needed unless there is a `cron` (seconds)
---@field name? string # name of the check in logs, metrics and state; default: `<script>#<position> <Class>`
---@field aspect? string # overwrites the aspect of the check's messages
---@field location? table<string, string> # its keys overwrite those of the messages' location
---@field timeout? number # how long a run may take (seconds); default: 60, or `--timeout`
---@field max_instructions? integer # how many instructions of Lua a run may execute; default: no limit, or `--max-instructions`
---@field cron? string # runs at these times instead of at an interval: minute, hour, day of month, month, day of week, as in `*/5 8-18 * * mon-fri`
---@field timezone? string # the time zone of `cron`, as in `Europe/Warsaw`; default: the daemon's
---@field align? boolean # runs at the multiples of the interval on the wall clock: every full minute, hour; default: false
---@field splay? number # runs later by up to this much; by how much depends on the name alone, so that a restart does not move it (seconds); default: 0
---@field jitter? number # each run is later by a random time of up to this much; the interval stays the same on average (seconds); default: 0
---@field retry_interval? number # time to the next run after one that failed, or whose state was not `expected`; 0.001 at least (seconds)
---@field first? "now"|"spread"|"interval" # when the first run is: at once, within the first interval (where depends on the name), or one interval later; default: `now`; with `align` and `cron` the first time that fits

--- Runs a Monitoring Plugin. The exit code becomes state and severity, performance data become values with thresholds.
---
--- ```lua
--- local dp = require "dumbprobe"
---
--- CHECKS = {
---   dp.Nagios{
---     command = {"/usr/lib/nagios/plugins/check_load", "-w", "5", "-c", "10"},
---     aspect = "load average",
---     location = {host = dp.hostname(), service = "load"},
---     interval = 10,
---   },
--- }
--- ```
---@class dumbprobe.Nagios : dumbprobe.Check
---@field interval? number # time from one run to the next, whatever a run takes, 0.001 at least; needed unless there is a `cron` (seconds)
---@field name? string # name of the check in logs, metrics and state; default: `<script>#<position> <Class>`
---@field aspect? string # overwrites the aspect of the check's messages
---@field location? table<string, string> # its keys overwrite those of the messages' location
---@field timeout? number # how long a run may take (seconds); default: 60, or `--timeout`
---@field max_instructions? integer # how many instructions of Lua a run may execute; default: no limit, or `--max-instructions`
---@field cron? string # runs at these times instead of at an interval: minute, hour, day of month, month, day of week, as in `*/5 8-18 * * mon-fri`
---@field timezone? string # the time zone of `cron`, as in `Europe/Warsaw`; default: the daemon's
---@field align? boolean # runs at the multiples of the interval on the wall clock: every full minute, hour; default: false
---@field splay? number # runs later by up to this much; by how much depends on the name alone, so that a restart does not move it (seconds); default: 0
---@field jitter? number # each run is later by a random time of up to this much; the interval stays the same on average (seconds); default: 0
---@field retry_interval? number # time to the next run after one that failed, or whose state was not `expected`; 0.001 at least (seconds)
---@field first? "now"|"spread"|"interval" # when the first run is: at once, within the first interval (where depends on the name), or one interval later; default: `now`; with `align` and `cron` the first time that fits
---@overload fun(fields: dumbprobe.Nagios.Fields): dumbprobe.Nagios
local Nagios = {}
dumbprobe.Nagios = Nagios

--- Runs the check now; the daemon calls it.
---
--- Waits: other checks of the file go on meanwhile.
---
--- Errors: what a run of the check fails with.
---@return dumbprobe.Messages # what it found, with aspect and location set
function Nagios:run() end

--- When the check is due: one interval after its last run.
---@return number # unix time in seconds
function Nagios:next_run() end

--- The name that was given to the constructor.
---@return string? # nil if none was given
function Nagios:check_name() end

---@class dumbprobe.BaseHandle.Fields
---@field name? string # name of the handle in logs, metrics and state; default: `<script>#<position> <Class>`
---@field aspect? string # overwrites the aspect of the handle's messages
---@field location? table<string, string> # its keys overwrite those of the messages' location
---@field reopen? number # time from the end of the data to the next open; it doubles, up to ten times as long, while opening fails, or the source ends by a failure (seconds); default: 60
---@field poll? number # how often read_messages is called where there is no Go reader in `reader` (seconds); default: 1
---@field [string] any # of your own

--- The base for handles of your own: `BaseHandle:extend{...}`. `open` puts a reader of dumbprobe.reader into `self.reader`, and `parse` makes messages of a record.
---
--- ```lua
--- local dp = require "dumbprobe"
---
--- local Log = dp.BaseHandle:extend{class = "Log"}
---
--- function Log:open()
---   self.reader = dp.reader.file{path = self.path, follow = true, from_end = true}
--- end
---
--- function Log:parse(line)
---   if not line:find("error", 1, true) then
---     return {}
---   end
---   return dp.Message{aspect = "log", state = "error", severity = "error", comment = line}
--- end
---
--- CHECKS = {Log{path = "/etc/hostname", reopen = 5}}
--- ```
---@class dumbprobe.BaseHandle : dumbprobe.Handle
---@field name? string # name of the handle in logs, metrics and state; default: `<script>#<position> <Class>`
---@field aspect? string # overwrites the aspect of the handle's messages
---@field location? table<string, string> # its keys overwrite those of the messages' location
---@field reopen? number # time from the end of the data to the next open; it doubles, up to ten times as long, while opening fails, or the source ends by a failure (seconds); default: 60
---@field poll? number # how often read_messages is called where there is no Go reader in `reader` (seconds); default: 1
---@field [string] any # of your own
---@overload fun(fields: dumbprobe.BaseHandle.Fields): dumbprobe.BaseHandle
local BaseHandle = {}
dumbprobe.BaseHandle = BaseHandle

--- Makes a class: the methods and default fields in the table are those of its objects. `class` names it; `init(self)`, where there is one, is called for each new object.
---@param members? table # methods, default values of fields, and `class`
---@return dumbprobe.BaseHandle # the class; call it with a table of fields to make an object
function BaseHandle:extend(members) end

--- Starts the source; a class of your own has to define it. An error means that it could not be opened.
---
--- Errors: always, unless it is defined.
function BaseHandle:open() end

--- The messages of what has arrived, by `parse`; never waits.
---@return dumbprobe.Messages # `{}` if there are none
---@return dumbprobe.EOF? # dumbprobe.EOF at the end of the data, else nil
function BaseHandle:read_messages() end

--- Makes messages of one record; decodes it as JSON unless you define it.
---@param record string
---@return dumbprobe.Messages # {} ignores the record
function BaseHandle:parse(record) end

--- Closes `self.reader`. Closing twice is no error.
---
--- Waits: other checks of the file go on meanwhile.
function BaseHandle:close() end

---@class dumbprobe.ShellStream.Fields
---@field command string|string[] # a string runs through `/bin/sh -c`, a list directly
---@field stdin? string # what the command reads from its standard input; default: nothing
---@field env? table<string, string> # environment variables, added to the daemon's; default: {}
---@field cwd? string # the directory it runs in; default: the daemon's
---@field silence? number # no record for that long means that the source is dead: it is ended, and opened again (seconds); default: no limit
---@field max_line? integer # the length of a record; what is longer is cut there, and reported (bytes); default: 64 KiB
---@field parse? fun(line: string): dumbprobe.Messages # makes messages of a line; {} ignores the line
---@field name? string # name of the handle in logs, metrics and state; default: `<script>#<position> <Class>`
---@field aspect? string # overwrites the aspect of the handle's messages
---@field location? table<string, string> # its keys overwrite those of the messages' location
---@field reopen? number # time from the end of the data to the next open; it doubles, up to ten times as long, while opening fails, or the source ends by a failure (seconds); default: 60

--- Reads a long-running command line by line. Without `parse` each line is a JSON object, which is the message.
---
--- ```lua
--- local dp = require "dumbprobe"
---
--- CHECKS = {
---   dp.ShellStream{
---     command = {"vmstat", "-n", "20"},
---     parse = function(line)
---       local running, blocked = line:match("^%s*(%d+)%s+(%d+)")
---       if not running then
---         return {} -- a headline
---       end
---       return dp.Message{aspect = "processes", values = {running = tonumber(running), blocked = tonumber(blocked)}}
---     end,
---   },
--- }
--- ```
---@class dumbprobe.ShellStream : dumbprobe.Handle
---@field name? string # name of the handle in logs, metrics and state; default: `<script>#<position> <Class>`
---@field aspect? string # overwrites the aspect of the handle's messages
---@field location? table<string, string> # its keys overwrite those of the messages' location
---@field reopen number # time from the end of the data to the next open; it doubles, up to ten times as long, while opening fails, or the source ends by a failure (seconds); default: 60
---@overload fun(fields: dumbprobe.ShellStream.Fields): dumbprobe.ShellStream
local ShellStream = {}
dumbprobe.ShellStream = ShellStream

--- Starts the source. The daemon does this for the handles of CHECKS.
---
--- Waits: other checks of the file go on meanwhile.
function ShellStream:open() end

--- The messages of what has arrived; never waits.
---@return dumbprobe.Messages # `{}` if there are none
---@return dumbprobe.EOF? # dumbprobe.EOF at the end of the data, else nil
function ShellStream:read_messages() end

--- Stops the source. Closing twice is no error.
---
--- Waits: other checks of the file go on meanwhile.
function ShellStream:close() end

---@class dumbprobe.Message.Fields
---@field aspect string # what was measured; `event.name` of the schema
---@field location? table<string, string> # where: names of letters, digits and _, to strings; default: {}
---@field value? number|dumbprobe.Value|dumbprobe.null # short for `values = {value = ...}`
---@field values? table<string, number|dumbprobe.Value|dumbprobe.null> # what was measured: numbers, Values or dumbprobe.null by name; default: {}
---@field state? string # the state, one word: `ok`, `not_running`
---@field severity? "expected"|"warning"|"error" # how bad the state is; the receiver takes `expected` where none is given
---@field comment? string # for a person
---@field time? number # when it was measured (unix time, seconds); default: now
---@field interval? number # time between two such messages (seconds)
---@field threshold_kept? string # the state when no threshold is exceeded; the receiver takes `ok` where none is given

--- One measurement, a message of the Seismometer schema v3. It needs a state, or at least one value.
---
--- ```lua
--- local dp = require "dumbprobe"
--- local msg = dp.Message{
---   aspect = "disk space",
---   location = {host = dp.hostname(), filesystem = "/"},
---   values = {free = 12.5, total = 40},
--- }
--- msg.comment = "after the clean-up"
--- assert(msg.values.free == 12.5)
--- ```
---@class dumbprobe.Message
---@field aspect string # what was measured; `event.name` of the schema
---@field location table<string, string> # where: names of letters, digits and _, to strings; default: {}
---@field value? number|dumbprobe.Value|dumbprobe.null # short for `values = {value = ...}`
---@field values table<string, number|dumbprobe.Value|dumbprobe.null> # what was measured: numbers, Values or dumbprobe.null by name; default: {}
---@field state? string # the state, one word: `ok`, `not_running`
---@field severity? "expected"|"warning"|"error" # how bad the state is; the receiver takes `expected` where none is given
---@field comment? string # for a person
---@field time number # when it was measured (unix time, seconds); default: now
---@field interval? number # time between two such messages (seconds)
---@field threshold_kept? string # the state when no threshold is exceeded; the receiver takes `ok` where none is given
---@overload fun(fields: dumbprobe.Message.Fields): dumbprobe.Message
local Message = {}
dumbprobe.Message = Message

--- Sets one value.
---
--- ```lua
--- local dp = require "dumbprobe"
--- local msg = dp.Message{aspect = "disk space"}
--- msg:set("free", dp.Value(12.5, {unit = "GB"})):set("total", 40)
--- assert(msg.values.total == 40)
--- ```
---@param name string # name of the value
---@param value number|dumbprobe.Value|dumbprobe.null # what was measured
---@return dumbprobe.Message # the message itself
function Message:set(name, value) end

---@class dumbprobe.Value.Options
---@field unit? string # unit of measurement, `MB` or `s`
---@field type? "direct"|"accumulative"|"differential" # `accumulative` for a counter that only grows, `differential` for one that is reset by reading; default: direct

--- A measured number with a unit, a type and thresholds.
---
--- ```lua
--- local dp = require "dumbprobe"
--- local free = dp.Value(812, {unit = "MB"}):set_below(1024, "low", "warning")
--- assert(free.unit == "MB")
--- ```
---@class dumbprobe.Value
---@field value number|dumbprobe.null # what was measured
---@field unit? string # unit of measurement, `MB` or `s`
---@field type? "direct"|"accumulative"|"differential" # `accumulative` for a counter that only grows, `differential` for one that is reset by reading; default: direct
---@overload fun(value: number|dumbprobe.null, options?: dumbprobe.Value.Options): dumbprobe.Value
local Value = {}
dumbprobe.Value = Value

--- Adds a threshold that is exceeded when the value is greater than the limit.
---
--- ```lua
--- local dp = require "dumbprobe"
--- local v = dp.Value(93, {unit = "%"}):set_above(90, "full", "warning"):set_above(95, "critical")
--- assert(v.value == 93)
--- ```
---@param limit number # the threshold
---@param name string # the state when it is exceeded
---@param severity? "warning"|"error" # the severity when it is exceeded; default: error
---@return dumbprobe.Value # the value itself
function Value:set_above(limit, name, severity) end

--- Adds a threshold that is exceeded when the value is less than the limit.
---
--- ```lua
--- local dp = require "dumbprobe"
--- local v = dp.Value(93, {unit = "%"}):set_below(5, "low", "warning")
--- assert(v.value == 93)
--- ```
---@param limit number # the threshold
---@param name string # the state when it is exceeded
---@param severity? "warning"|"error" # the severity when it is exceeded; default: error
---@return dumbprobe.Value # the value itself
function Value:set_below(limit, name, severity) end

--- The store of the check, handle or object that runs now. What a run changes is there for the next run if it went well, and forgotten if it failed.
---
--- ```lua
--- local dp = require "dumbprobe"
---
--- local function files()
---   local seen = dp.state:get("seen", {})
---   local messages = {}
---   local result = dp.command({"ls", "/etc"})
---   for name in result.stdout:gmatch("[^\n]+") do
---     if not seen[name] then
---       table.insert(messages, dp.Message{aspect = "new file", location = {file = name}, state = "new"})
---       seen[name] = true
---     end
---   end
---   dp.state:set("seen", seen)
---   dp.state:set("runs since", dp.state:get("runs since", dp.time()))
---   return dp.Message{aspect = "files", values = {
---     new = #messages, runs = dp.state:incr("runs"), names = #dp.state:keys(),
---     grown = dp.state:delta("messages", #messages) or dp.null, -- nil in the first run
---     per_second = dp.state:rate("bytes", 5000, {wrap = 2^32}) or dp.null,
---     forgotten = dp.state:delete("old name") and 1 or 0,
---   }}
--- end
---
--- CHECKS = {dp.Function{call = files, interval = 60, name = "files"}}
--- ```
---@class dumbprobe.State
local State = {}

--- A value that was set, in this run or an earlier one; a table is a new copy each time.
---@param name string # any bytes, at most 256
---@param default? any # what to give if there is none; default: nil
---@return any? # the value, or the default
function State:get(name, default) end

--- Keeps a copy of a value: a number, a string, a boolean, dumbprobe.null, or a table of such, whose keys are strings, numbers and booleans.
---
--- Errors: when the value is none of these, is NaN or infinite, has a cycle, has a metatable, or is larger than what may be kept.
---@param name string # any bytes, at most 256
---@param value number|string|boolean|table|dumbprobe.null
function State:set(name, value) end

--- Takes a value away, and what `rate` and `delta` know by that name.
---@param name string # any bytes, at most 256
---@return boolean # whether there was any
function State:delete(name) end

--- The names of the values, in order; not those of `rate` and `delta`.
---@return string[]
function State:keys() end

--- Adds to a number; one that is not there is 0.
---
--- Errors: when the value is no number.
---@param name string # any bytes, at most 256
---@param by? number # default: 1
---@return number # the new value
function State:incr(name, by) end

---@class dumbprobe.State.delta.Options
---@field wrap? number # the number at which the counter begins again from 0, such as 2^32: a fall by more than half of it is then no reset; default: it does not

--- By how much a counter has grown since the last call with that name. A counter that fell was reset, and has grown from 0 since.
---@param name string # any bytes, at most 256
---@param value number # what the counter shows now
---@param options? dumbprobe.State.delta.Options
---@return number? # nil the first time
function State:delta(name, value, options) end

---@class dumbprobe.State.rate.Options
---@field wrap? number # the number at which the counter begins again from 0, such as 2^32: a fall by more than half of it is then no reset; default: it does not
---@field time? number # when the counter showed this, where something else has read it (unix time, seconds); default: now

--- By how much a counter has grown per second since the last call with that name, as `delta` counts.
---@param name string # any bytes, at most 256
---@param value number # what the counter shows now
---@param options? dumbprobe.State.rate.Options
---@return number? # per second; nil the first time, and when no time has passed
function State:rate(name, value, options) end

--- the script's checks and handles, where the script does not return them
---@type dumbprobe.Checks
CHECKS = nil

return dumbprobe
