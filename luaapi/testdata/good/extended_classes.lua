--! line 28: check Base, interval 30, overlay "made by init" map[host:web01]
--! line 29: check Base, interval 60, name "named", overlay "made by init" map[host:web01]
--! line 30: check Sub, interval 10, name "sub /", overlay "made by init" map[host:web01]
--! line 31: check Own, own schedule
--! line 32: check table, interval 0, schedule {Cron:0 * * * * Timezone: Splay:0 Align:false RetryInterval:0 First: Jitter:0}
--! line 33: handle Handle, reopen 5, poll 500ms, name "handle"
--! line 34: handle Handle, reopen 5, poll 3s
local dp = require "dumbprobe"

local Base = dp.BaseCheck:extend{class = "Base", interval = 30, location = {host = "web01"}}
function Base:init() self.aspect = "made by init" end
function Base:run() return {} end

local Sub = Base:extend{class = "Sub", interval = 10}
function Sub:check_name() return "sub " .. self.path end

local Own = dp.BaseCheck:extend{class = "Own"}
function Own:next_run() return 0 end
function Own:run() return {} end

local Unnamed = dp.BaseCheck:extend()
function Unnamed:run() return {} end

local Handle = dp.BaseHandle:extend{class = "Handle", reopen = 5, poll = 0.5}
function Handle:open() end

return {
  Base{},
  Base{interval = 60, name = "named"},
  Sub{path = "/"},
  Own{},
  Unnamed{cron = "0 * * * *"},
  Handle{name = "handle"},
  Handle{poll = 3},
}
