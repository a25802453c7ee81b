assert(require "dumbprobe" == require "dumbprobe")
assert(require "dumbprobe.json" == require "dumbprobe".json)
assert(require "dumbprobe.log" == require "dumbprobe".log)
assert(require "dumbprobe.reader" == require "dumbprobe".reader)
return {}
