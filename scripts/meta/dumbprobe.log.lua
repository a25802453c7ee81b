---@meta dumbprobe.log

-- Types for editors. Made of the table in luaapi by go generate ./luaapi: do not edit.

--- Lines in the daemon's log, with the script and the check. `print` logs at the level info. What is too much for the log is left out, and counted.
---@class dumbprobe.log
local log = {}

--- Logs for who is looking for a fault; off unless `--log-level debug`.
---
--- ```lua
--- local dp = require "dumbprobe"
--- dp.log.debug("the mirror is behind", {seconds = 12})
--- ```
---@param message any # as `tostring` writes it
---@param fields? table # more to log, by name
function log.debug(message, fields) end

--- Logs what is worth knowing.
---
--- ```lua
--- local dp = require "dumbprobe"
--- dp.log.info("the mirror is behind", {seconds = 12})
--- ```
---@param message any # as `tostring` writes it
---@param fields? table # more to log, by name
function log.info(message, fields) end

--- Logs what somebody should look at.
---
--- ```lua
--- local dp = require "dumbprobe"
--- dp.log.warn("the mirror is behind", {seconds = 12})
--- ```
---@param message any # as `tostring` writes it
---@param fields? table # more to log, by name
function log.warn(message, fields) end

--- Logs a failure.
---
--- ```lua
--- local dp = require "dumbprobe"
--- dp.log.error("the mirror is behind", {seconds = 12})
--- ```
---@param message any # as `tostring` writes it
---@param fields? table # more to log, by name
function log.error(message, fields) end

return log
