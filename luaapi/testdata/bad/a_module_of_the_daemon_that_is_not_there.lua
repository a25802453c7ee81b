local http = require "dumbprobe.htpp"
return {}
