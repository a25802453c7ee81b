local helper = require "modules.uncompilable"
return {}
