local dp = require "dumbprobe"
return dp
