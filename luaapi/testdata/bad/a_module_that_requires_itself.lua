local helper = require "modules.circle"
return {}
