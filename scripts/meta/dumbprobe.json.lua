---@meta dumbprobe.json

-- Types for editors. Made of the table in luaapi by go generate ./luaapi: do not edit.

--- JSON, with the rules of messages: integers up to 2^53 are exact, what JSON cannot hold is an error.
---@class dumbprobe.json
local json = {}

--- Makes Lua values of a JSON text. null becomes dumbprobe.null. Of a key that an object has twice, the last counts.
---
--- Errors: when the text is not one JSON value, has more than a million values or more than 1000 levels.
---
--- ```lua
--- local dp = require "dumbprobe"
--- local v = dp.json.decode('{"list": [1, 2], "none": null}')
--- assert(#v.list == 2 and v.none == dp.null)
--- ```
---@param text string
---@return any # the value
function json.decode(text) end

--- Writes a value as JSON, on one line. An empty table is written as `[]`, unless it stands where a message has an object.
---
--- Errors: when the value cannot be written as JSON: NaN, an infinity, a function, a cycle, a table with both a list and keys, a string that is not UTF-8; it names the path to it.
---
--- ```lua
--- local dp = require "dumbprobe"
--- assert(dp.json.encode{1, "two", true} == '[1,"two",true]')
--- assert(not pcall(dp.json.encode, {0 / 0}))
--- ```
---@param value any
---@return string # the JSON text
function json.encode(value) end

return json
