return require "dumbprobe".array()
