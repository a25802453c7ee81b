local helper = require "modules.failing"
return {}
