--! line 19: check table, own schedule, name "disk /"
--! line 20: check table, own schedule, name "disk /home"
--! line 21: check table, own schedule
--! line 22: check table, own schedule
local Disk = {}
Disk.__index = Disk
function Disk:next_run() return 0 end
function Disk:run() return {} end
function Disk:check_name() return "disk " .. self.path end
local function disk(path) return setmetatable({path = path}, Disk) end

local lazy = setmetatable({}, {__index = function(_, name)
  if name == "run" or name == "next_run" then return function() return {} end end
end})

local callable = setmetatable({}, {__call = function() return {} end})

return {
  disk("/"),
  disk("/home"),
  lazy,
  {run = callable, next_run = callable},
}
