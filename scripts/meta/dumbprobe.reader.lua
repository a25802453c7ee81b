---@meta dumbprobe.reader

-- Types for editors. Made of the table in luaapi by go generate ./luaapi: do not edit.

--- Readers for handles of your own: sources that are read in Go, record by record. They end with the script, or when they are closed.
---@class dumbprobe.reader
local reader = {}

---@class dumbprobe.reader.command.Options
---@field command string|string[] # a string runs through `/bin/sh -c`, a list directly
---@field stdin? string # what the command reads from its standard input; default: nothing
---@field env? table<string, string> # environment variables, added to the daemon's; default: {}
---@field cwd? string # the directory it runs in; default: the daemon's
---@field silence? number # no record for that long means that the source is dead: it is ended, and opened again (seconds); default: no limit
---@field max_line? integer # the length of a record; what is longer is cut there, and reported (bytes); default: 64 KiB

--- Starts a command and reads the lines that it prints.
---
--- Waits: other checks of the file go on meanwhile.
---
--- Errors: when the command cannot be started.
---
--- ```lua
--- local dp = require "dumbprobe"
--- local lines = dp.reader.command{command = "echo one; echo two"}
--- assert(lines:read() == "one" and lines:read() == "two")
--- lines:close()
--- ```
---@param options dumbprobe.reader.command.Options
---@return dumbprobe.Reader
function reader.command(options) end

---@class dumbprobe.reader.file.Options
---@field path string # the file
---@field follow? boolean # go on at the end, through rotation and truncation; the file has to be there when it is opened; default: false
---@field from_end? boolean # leave out what is there already; default: false
---@field silence? number # no record for that long means that the source is dead: it is ended, and opened again (seconds); default: no limit
---@field max_line? integer # the length of a record; what is longer is cut there, and reported (bytes); default: 64 KiB

--- Reads the lines of a file; with `follow` also those that are written to it later.
---
--- Waits: other checks of the file go on meanwhile.
---
--- Errors: when the file cannot be opened.
---
--- ```lua
--- local dp = require "dumbprobe"
--- local lines = dp.reader.file{path = "/etc/hostname"}
--- assert(lines:read())
--- lines:close()
--- ```
---@param options dumbprobe.reader.file.Options
---@return dumbprobe.Reader
function reader.file(options) end

---@class dumbprobe.reader.socket.Options
---@field address string # `tcp:HOST:PORT` or `unix:PATH`; with `listen`: `udp:HOST:PORT` or `unixgram:PATH`
---@field listen? boolean # listen for datagrams instead of connecting; default: false
---@field silence? number # no record for that long means that the source is dead: it is ended, and opened again (seconds); default: no limit
---@field max_line? integer # the length of a record; what is longer is cut there, and reported (bytes); default: 64 KiB

--- Connects to a stream socket and reads its lines, or listens on a datagram socket, where each datagram is a record.
---
--- Waits: other checks of the file go on meanwhile.
---
--- Errors: when the address cannot be connected to, or listened on.
---
--- ```lua
--- local dp = require "dumbprobe"
--- local datagrams = dp.reader.socket{address = "udp:127.0.0.1:0", listen = true}
--- assert(#datagrams:take() == 0)
--- datagrams:close()
--- ```
---@param options dumbprobe.reader.socket.Options
---@return dumbprobe.Reader
function reader.socket(options) end

--- A Go-side reader of a command, a file or a socket: reading and framing happen in Go, a script sees whole records. The functions of dumbprobe.reader make it.
---
--- ```lua
--- local dp = require "dumbprobe"
--- local lines = dp.reader.command{command = "echo one; echo two; exit 3"}
--- assert(lines:pid())
--- assert(lines:read() == "one")
--- assert(lines:read(5) == "two")
--- local line, why = lines:read()
--- assert(line == nil and why == "eof")
--- assert(lines:eof() and #lines:take() == 0)
--- assert(lines:reason():find("3"))
--- lines:close()
--- ```
---@class dumbprobe.Reader
local Reader = {}

--- What has arrived; never waits. For read_messages.
---@param max? integer # how many records at most; default: all
---@return string[] # the records, `{}` if there are none
function Reader:take(max) end

--- The next record.
---
--- Waits: other checks of the file go on meanwhile.
---@param timeout? number # how long to wait (seconds); default: the run's deadline
---@return string? # the record, or nil
---@return string? # "eof" or "timeout" if there is none
function Reader:read(timeout) end

--- Whether the source is at its end, and every record was taken.
---@return boolean
function Reader:eof() end

--- Why the source ended: an exit code, a signal, an error.
---@return string? # nil after a clean end, and before the end
function Reader:reason() end

--- The process id of a command.
---@return integer? # nil for other sources
function Reader:pid() end

--- Stops the source. Closing twice is no error.
---
--- Waits: other checks of the file go on meanwhile.
function Reader:close() end

return reader
