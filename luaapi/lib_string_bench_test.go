package luaapi

import (
	"fmt"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// BenchmarkString runs Lua loops with our string functions and with
// gopher-lua's, for benchstat -col /library.
func BenchmarkString(b *testing.B) {
	const line = `local line = "web01 CRITICAL - load average: 12.50, 8.31, 4.02|load1=12.500;5.000;10.000;0; load5=8.310;4.000;6.000;0;" `
	for _, work := range []struct{ name, setup, loop string }{
		{"find-plain", line, `local _ = line:find("average", 1, true)`},
		{"find-literal", line, `local _ = line:find("average")`},
		{"find-class", line, `local _ = line:find("%d+%.%d+")`},
		{"find-anchored", line, `local _ = line:find("^%w+%s+OK")`},
		{"match-fields", line, `local _ = line:match("^(%S+)%s+(%u+)%s+%-%s+([^|]*)|(.*)$")`},
		{"match-trim", `local line = "   some text of a line   "`, `local _ = line:match("^%s*(.-)%s*$")`},
		{"match-key-value", `local line = "MemAvailable:    8037420 kB"`, `local _ = line:match("^(%w+):%s+(%d+)")`},
		{"gmatch-perfdata", line, `for k, v in line:gmatch("(%w+)=([%d.]+)") do end`},
		{"gsub-string", line, `local _ = line:gsub("%s+", " ")`},
		{"gsub-template", line, `local _ = line:gsub("(%w+)=(%d+)", "%2:%1")`},
		{"gsub-function", line, `local _ = line:gsub("%d+", function(d) return "#" end)`},
		{"gsub-10KB", `local line = ("some words of a text "):rep(500)`, `local _ = line:gsub("%s+", " ")`},
		{"format", "", `local _ = ("%s: %d of %5.2f"):format("load", 12, 3.25)`},
		{"sub", line, `local _ = line:sub(5, 12)`},
		{"upper", line, `local _ = line:upper()`},
	} {
		for _, library := range []struct {
			name string
			make func(testing.TB) *lua.LState
		}{
			{"ours", func(t testing.TB) *lua.LState {
				return newStringState(t, stringLimits{maxBytes: testStringBytes, interrupted: func(*lua.LState) error { return nil }})
			}},
			{"gopher-lua", newGopherStringState},
		} {
			b.Run(work.name+"/library="+library.name, func(b *testing.B) {
				const perCall = 100
				L := library.make(b)
				if err := L.DoString(fmt.Sprintf("%s function work() for _ = 1, %d do %s end end", work.setup, perCall, work.loop)); err != nil {
					b.Fatal(err)
				}
				fn := L.GetGlobal("work")
				b.ReportAllocs()
				for b.Loop() {
					if err := L.CallByParam(lua.P{Fn: fn, Protect: true}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
