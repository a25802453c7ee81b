local helper = require "helper.missing"
return {}
