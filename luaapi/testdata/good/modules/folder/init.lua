return require "modules.helper"
