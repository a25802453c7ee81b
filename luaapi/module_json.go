package luaapi

import (
	lua "github.com/yuin/gopher-lua"
)

func jsonModule() Module {
	return Module{
		Name: moduleName + ".json",
		Doc:  "JSON, with the rules of messages: integers up to 2^53 are exact, what JSON cannot hold is an error.",
		Functions: []Function{
			{
				Name: "decode", Doc: "Makes Lua values of a JSON text. null becomes dumbprobe.null. Of a key that an object has twice, the last counts.",
				Params:  []Param{{Name: "text", Type: typeString}},
				Results: []Result{{Type: typeOptional, Doc: "the value"}},
				Errors:  "when the text is not one JSON value, has more than a million values or more than 1000 levels",
				Example: "local dp = require \"dumbprobe\"\nlocal v = dp.json.decode('{\"list\": [1, 2], \"none\": null}')\nassert(#v.list == 2 and v.none == dp.null)",
				call: func(vm *VM, L *lua.LState) int {
					v, err := runOf(L).decodeJSON(string(L.Get(1).(lua.LString)))
					if err != nil {
						L.RaiseError("json.decode: %s", err.Error())
					}
					L.Push(v)
					return 1
				},
			},
			{
				Name: "encode", Doc: "Writes a value as JSON, on one line. An empty table is written as `[]`, unless it stands where a message has an object.",
				Params:  []Param{{Name: "value", Type: typeAny}},
				Results: []Result{{Type: typeString, Doc: "the JSON text"}},
				Errors:  "when the value cannot be written as JSON: NaN, an infinity, a function, a cycle, a table with both a list and keys, a string that is not UTF-8; it names the path to it",
				Example: "local dp = require \"dumbprobe\"\nassert(dp.json.encode{1, \"two\", true} == '[1,\"two\",true]')\nassert(not pcall(dp.json.encode, {0 / 0}))",
				call: func(vm *VM, L *lua.LState) int {
					e := encoder{maxBytes: vm.limits.StringBytes, maxDepth: vm.limits.MessageDepth}
					out, err := e.any(nil, L.Get(1))
					if err != nil {
						runOf(L).charge(stepsPerLook) // how much was written before is not known
						L.RaiseError("json.encode: %s", err.Error())
					}
					runOf(L).charge(len(out))
					L.Push(lua.LString(out))
					return 1
				},
			},
		},
	}
}
