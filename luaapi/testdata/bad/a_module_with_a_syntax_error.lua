local helper = require "modules.broken"
return {}
