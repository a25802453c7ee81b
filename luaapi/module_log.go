package luaapi

import (
	lua "github.com/yuin/gopher-lua"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func logModule() Module {
	m := Module{
		Name: moduleName + ".log",
		Doc:  "Lines in the daemon's log, with the script and the check. `print` logs at the level info. What is too much for the log is left out, and counted.",
	}
	for _, l := range []struct {
		name, doc string
		level     zapcore.Level
	}{
		{"debug", "Logs for who is looking for a fault; off unless `--log-level debug`.", zapcore.DebugLevel},
		{"info", "Logs what is worth knowing.", zapcore.InfoLevel},
		{"warn", "Logs what somebody should look at.", zapcore.WarnLevel},
		{"error", "Logs a failure.", zapcore.ErrorLevel},
	} {
		m.Functions = append(m.Functions, Function{
			Name: l.name, Doc: l.doc,
			Params: []Param{
				{Name: "message", Type: typeAny, Doc: "as `tostring` writes it"},
				{Name: "fields", Type: typeTable, Optional: true, Doc: "more to log, by name"}},
			Example: "local dp = require \"dumbprobe\"\ndp.log." + l.name + "(\"the mirror is behind\", {seconds = 12})",
			call: func(vm *VM, L *lua.LState) int {
				text := L.ToStringMeta(L.Get(1)).String()
				fields := logFields(L.Get(2))
				runOf(L).log(l.level, text, fields...)
				return 0
			},
		})
	}
	return m
}

// logFields makes log fields of a table of a script, one level deep.
func logFields(v lua.LValue) []zap.Field {
	t, ok := v.(*lua.LTable)
	if !ok {
		return nil
	}
	var fields []zap.Field
	for it := entriesOf(t); it.next(); {
		key, item := it.key, it.value
		name := key.String()
		switch x := item.(type) {
		case lua.LNumber:
			fields = append(fields, zap.Float64(name, float64(x)))
		case lua.LBool:
			fields = append(fields, zap.Bool(name, bool(x)))
		case *lua.LUserData:
			fields = append(fields, zap.String(name, typeName(x)))
		default:
			fields = append(fields, zap.String(name, x.String()))
		}
	}
	return fields
}
