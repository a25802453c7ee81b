package luaapi

import lua "github.com/yuin/gopher-lua"

func shellStreamClass() Class {
	def := Class{
		Name: "ShellStream",
		Doc:  "Reads a long-running command line by line. Without `parse` each line is a JSON object, which is the message.",
		Fields: append(append(append([]Field(nil), streamedCommandFields...), recordFields...),
			Field{Name: "parse", Type: typeFunction.named("fun(line: string): dumbprobe.Messages"), Doc: "makes messages of a line; {} ignores the line"}),
		Example: "local dp = require \"dumbprobe\"\n\nCHECKS = {\n  dp.ShellStream{\n    command = {\"vmstat\", \"-n\", \"20\"},\n    parse = function(line)\n      local running, blocked = line:match(\"^%s*(%d+)%s+(%d+)\")\n      if not running then\n        return {} -- a headline\n      end\n      return dp.Message{aspect = \"processes\", values = {running = tonumber(running), blocked = tonumber(blocked)}}\n    end,\n  },\n}",
	}
	return handleClass(def, func(h *handleObject, set *fieldSet, v []lua.LValue) {
		h.source = commandSource{
			Spec:   readCommand(set, v),
			Limits: recordLimits(func(name string) lua.LValue { return v[set.index[name]] }),
		}
		if parse := v[set.index["parse"]]; parse != nil {
			h.parse = parse
		}
	})
}
