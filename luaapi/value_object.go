package luaapi

import (
	lua "github.com/yuin/gopher-lua"

	"dumbprobe/internal/message"
)

// valueObject is a dumbprobe.Value.
type valueObject struct{ message.Value }

var (
	typeValueType = oneOf(string(message.Direct), string(message.Accumulative), string(message.Differential))
	typeBad       = oneOf(string(message.Warning), string(message.Error))
	typeReading   = Type{Lua: "number|dumbprobe.null", want: "a number or dumbprobe.null", ok: func(v lua.LValue) bool {
		if ud, ok := v.(*lua.LUserData); ok {
			_, null := ud.Value.(nullMark)
			return null
		}
		return v.Type() == lua.LTNumber // NaN is found when it is written: only that message is dropped then
	}}
)

var valueOptions = []Field{
	{Name: "unit", Type: typeString, Doc: "unit of measurement, `MB` or `s`"},
	{Name: "type", Type: typeValueType, Default: "direct", Doc: "`accumulative` for a counter that only grows, `differential` for one that is reset by reading"},
}

func valueClass() Class {
	self := Param{Name: "self", Type: objectType[*valueObject]("Value")}
	threshold := func(name, doc, example string, set func(v *message.Value, limit float64, name string, s message.Severity) error) Function {
		return Function{
			Name: name,
			Doc:  doc,
			Params: []Param{self,
				{Name: "limit", Type: typeFinite, Doc: "the threshold"},
				{Name: "name", Type: typeName_, Doc: "the state when it is exceeded"},
				{Name: "severity", Type: typeBad, Optional: true, Default: "error", Doc: "the severity when it is exceeded"}},
			Results: []Result{{Type: classType("Value"), Doc: "the value itself"}},
			Example: "local dp = require \"dumbprobe\"\nlocal v = dp.Value(93, {unit = \"%\"}):" + example + "\nassert(v.value == 93)",
			call: func(vm *VM, L *lua.LState) int {
				v := checkObjectAt[*valueObject](L, 1)
				severity := message.Error
				if s, ok := L.Get(4).(lua.LString); ok {
					severity = message.Severity(s)
				}
				if err := set(&v.Value, float64(L.Get(2).(lua.LNumber)), string(L.Get(3).(lua.LString)), severity); err != nil {
					L.RaiseError("%s", err.Error())
				}
				L.SetTop(1)
				return 1
			},
		}
	}
	return Class{
		Name: "Value",
		Doc:  "A measured number with a unit, a type and thresholds.",
		Params: []Param{
			{Name: "value", Type: typeReading, Doc: "what was measured; dumbprobe.null if it could not be"},
			{Name: "options", Type: typeTable, Optional: true, Fields: valueOptions},
		},
		Attributes: append([]Field{{Name: "value", Type: typeReading, Required: true, Doc: "what was measured"}}, valueOptions...),
		Methods: []Function{
			threshold("set_above", "Adds a threshold that is exceeded when the value is greater than the limit.",
				"set_above(90, \"full\", \"warning\"):set_above(95, \"critical\")",
				func(v *message.Value, limit float64, name string, s message.Severity) error {
					return v.SetAbove(limit, name, s)
				}),
			threshold("set_below", "Adds a threshold that is exceeded when the value is less than the limit.",
				"set_below(5, \"low\", \"warning\")",
				func(v *message.Value, limit float64, name string, s message.Severity) error {
					return v.SetBelow(limit, name, s)
				}),
		},
		Example:   "local dp = require \"dumbprobe\"\nlocal free = dp.Value(812, {unit = \"MB\"}):set_below(1024, \"low\", \"warning\")\nassert(free.unit == \"MB\")",
		construct: constructValue,
	}
}

func constructValue(vm *VM, L *lua.LState, c *class) int {
	v := &valueObject{}
	v.set(L, "value", L.Get(1))
	if options, ok := L.Get(2).(*lua.LTable); ok {
		for _, f := range valueOptions {
			if item := options.RawGetString(f.Name); item != lua.LNil {
				v.set(L, f.Name, item)
			}
		}
	}
	vm.pushObject(L, v, "Value")
	return 1
}

func (v *valueObject) set(_ *lua.LState, name string, to lua.LValue) {
	switch name {
	case "value":
		v.Number = numberOf(to)
		_, isNumber := to.(lua.LNumber)
		v.Null = !isNumber
	case "unit":
		v.Unit = textOf(to)
	case "type":
		v.Type = message.ValueType(textOf(to))
	}
}

func (v *valueObject) get(vm *VM, name string) lua.LValue {
	switch name {
	case "value":
		if v.Null {
			return vm.shared.null
		}
		return lua.LNumber(v.Number)
	case "unit":
		if v.Unit != "" {
			return lua.LString(v.Unit)
		}
	case "type":
		if v.Type != "" {
			return lua.LString(v.Type)
		}
	}
	return lua.LNil
}
