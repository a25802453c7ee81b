-- For luacheck (Debian: lua-check): luacheck scripts
std = "lua51"
globals = {"CHECKS"} -- what a script sets for the daemon
self = false -- a method need not use its object
files["scripts/meta"] = { -- declarations without bodies, for editors
  ignore = {"212", "241"},
  max_line_length = false,
}
