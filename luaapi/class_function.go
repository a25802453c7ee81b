package luaapi

import (
	lua "github.com/yuin/gopher-lua"
)

func functionClass() Class {
	def := Class{
		Name: "Function",
		Doc:  "Calls a Lua function, and sends the messages that it returns.",
		Fields: []Field{
			{Name: "call", Type: typeFunction.named("fun(...): dumbprobe.Messages"), Required: true, Doc: "returns a message, a list of messages, or {} if there is nothing to send"},
			{Name: "args", Type: typeTable.named("any[]"), Default: "{}", Doc: "a list, the arguments of the call"},
		},
		Example: "local dp = require \"dumbprobe\"\n\nlocal function uptime()\n  for line in io.lines(\"/proc/uptime\") do\n    return dp.Message{aspect = \"uptime\", value = tonumber(line:match(\"^%S+\"))}\n  end\nend\n\nCHECKS = {dp.Function{call = uptime, interval = 60}}",
	}
	return checkClass(def, func(vm *VM, c *checkObject, set *fieldSet, v []lua.LValue) {
		c.call = v[set.index["call"]]
		c.args, _ = v[set.index["args"]].(*lua.LTable)
		c.finish = func(r *Run, L *lua.LState, _ any) (lua.LValue, error) {
			if c.args == nil {
				return r.callValue(L, c.call)
			}
			var few [4]lua.LValue // on the stack of the goroutine
			list := few[:0]
			for i := range c.args.MaxN() {
				list = append(list, c.args.RawGetInt(i+1))
			}
			return r.callValue(L, c.call, list...)
		}
	})
}
