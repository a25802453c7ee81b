--! line 7: check Function, interval 5, name "a"
--! line 8: check Function, interval 5, name "b"
local helper = require "modules.helper"
assert(helper == require "modules.helper")
local folder = require "modules.folder"
return {
  helper.check("a"),
  folder.check("b"),
}
