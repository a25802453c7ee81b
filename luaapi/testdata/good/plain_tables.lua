--! line 11: check table, own schedule, name "mine"
--! line 12: check table, own schedule
--! line 13: check table, own schedule
--! line 14: check table, own schedule, timeout 5s
local named = {
  next_run = function() return 0 end,
  run = function() return {} end,
  check_name = function() return "mine" end,
}
return {
  named,
  {next_run = print, run = print},
  {next_run = print, run = print, check_name = function() return nil end},
  {next_run = print, run = print, timeout = 5},
}
