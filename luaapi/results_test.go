package luaapi

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
)

// resultTest is what a check returns, and what must become of it.
type resultTest struct {
	body     string // Lua, the body of the check's function
	fields   string // more fields of the check: aspect, location
	lines    []string
	problems []string // of messages that were dropped
	err      string   // of the run
}

func (test resultTest) run(t *testing.T) {
	t.Helper()
	test.body = strings.ReplaceAll(test.body, "Q", "`") // which a raw string of Go cannot hold
	source := "local dp = require \"dumbprobe\"\nlocal T = 1376261660.5\nlocal null = dp.null\nreturn {dp.Function{interval = 1, " +
		test.fields + " call = function()\n" + test.body + "\nend}}\n"
	for _, later := range []bool{false, true} {
		s := loadScript(t, source)
		o := s.wait(s.start(1, RunOptions{Timeout: longTime, WriteLater: later}))
		if err := o.batch.Write(nil); err != nil {
			t.Error(err)
		}
		test.compare(t, s, o)
		if t.Failed() {
			t.Fatalf("written later: %v", later)
		}
	}
}

func (test resultTest) compare(t *testing.T, s *testScript, o outcome) {
	t.Helper()
	if got := o.lines(); !slices.Equal(got, test.lines) {
		t.Errorf("lines\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(test.lines, "\n\t"))
	}
	for _, line := range o.lines() {
		if !json.Valid([]byte(line)) || strings.Contains(line, "\n") {
			t.Errorf("no JSON on one line: %s", line)
		}
	}
	if got := o.problems(); !slices.Equal(got, test.problems) {
		t.Errorf("problems\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(test.problems, "\n\t"))
	}
	got := ""
	if o.err != nil {
		got = strings.ReplaceAll(o.err.Error(), s.path, "FILE")
	}
	if got != test.err {
		t.Errorf("the run ended with %q, want %q", got, test.err)
	}
}

func runResultTests(t *testing.T, tests map[string]resultTest) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.run(t)
		})
	}
}

const (
	nilError  = "the result is nil: is a `return` missing? ({} means that there is nothing to send)"
	badResult = "; expected is a message, a list of messages, or {} for nothing"
)

func TestResults(t *testing.T) {
	runResultTests(t, map[string]resultTest{
		"nothing to send":           {body: `return {}`},
		"an empty array":            {body: `return dp.array{}`},
		"nil":                       {body: `return nil`, err: nilError},
		"no return":                 {body: `local x = 1`, err: nilError},
		"a number":                  {body: `return 5`, err: "the result is the number 5" + badResult},
		"a string":                  {body: `return "ok"`, err: `the result is the string "ok"` + badResult},
		"a long string":             {body: `return ("x"):rep(100)`, err: `the result is the string "` + strings.Repeat("x", 40) + `..."` + badResult},
		"a boolean":                 {body: `return true`, err: "the result is the boolean true" + badResult},
		"a function":                {body: `return print`, err: "the result is a function" + badResult},
		"a Value":                   {body: `return dp.Value(5)`, err: "the result is a Value" + badResult},
		"null":                      {body: `return null`, err: "the result is dumbprobe.null" + badResult},
		"EOF":                       {body: `return dp.EOF`, err: "the result is dumbprobe.EOF" + badResult},
		"a check":                   {body: `return dp.Function{interval = 1, call = print}`, err: "the result is a Function" + badResult},
		"a coroutine":               {body: `return coroutine.create(print)`, err: "the result is a thread" + badResult},
		"one message":               {body: `return {a = 1}`, lines: []string{`{"a":1}`}},
		"a list of messages":        {body: `return {{a = 1}, {b = 2}}`, lines: []string{`{"a":1}`, `{"b":2}`}},
		"an array of messages":      {body: `return dp.array{{a = 1}}`, lines: []string{`{"a":1}`}},
		"one table in a list":       {body: `return {{a = 1}}`, lines: []string{`{"a":1}`}},
		"more results are left out": {body: `return {a = 1}, {b = 2}`, lines: []string{`{"a":1}`}},
		"bad items keep the good ones": {
			body:  `return {{a = 1}, 5, {b = 0/0}, "x", {c = 3}, {{d = 4}}, dp.Value(1), dp.Message{aspect = "e"}, {f = 6}}`,
			lines: []string{`{"a":1}`, `{"c":3}`, `{"f":6}`},
			problems: []string{
				"message 2 of the result was dropped: the number 5 is no message (a Message or a table with keys)",
				"message 3 of the result was dropped: b: NaN cannot be written as JSON",
				`message 4 of the result was dropped: the string "x" is no message (a Message or a table with keys)`,
				"message 6 of the result was dropped: a table is no message (a Message or a table with keys)",
				"message 7 of the result was dropped: a Value is no message (a Message or a table with keys)",
				"message 8 of the result was dropped: event: neither a state nor a value",
			},
		},
		"a hole in the list": {
			body: `return {{a = 1}, nil, {c = 3}}`, lines: []string{`{"a":1}`, `{"c":3}`},
			problems: []string{"message 2 of the result was dropped: it is nil"},
		},
		"a list far away": {body: `local t = {} t[1000] = {a = 1} return t`, err: "the result is a list with holes (up to [1000])" + badResult},
		"a list with a name": {
			body: `return {{a = 1}, b = 2}`, lines: []string{`{"a":1}`},
			err: "the result is a table with both a list and keys (at [b])" + badResult,
		},
		"a list from zero":         {body: `return {[0] = {a = 1}}`, err: "the result is a table with both a list and keys (at [0])" + badResult},
		"a list with a fraction":   {body: `return {[1.5] = {a = 1}}`, err: "the result is a table with both a list and keys (at [1.5])" + badResult},
		"a key that is a boolean":  {body: `return {[true] = {a = 1}}`, err: "the result is a table with both a list and keys (at [true])" + badResult},
		"an empty table in a list": {body: `return {{a = 1}, {}}`, lines: []string{`{"a":1}`, `{}`}},
		"a message with a list after its names": {
			body: `return {a = 1, 2}`, err: "the result is a table with both a list and keys (at [a])" + badResult,
			problems: []string{"message 1 of the result was dropped: the number 2 is no message (a Message or a table with keys)"},
		},
		"an error": {body: `error("broken")`, err: "FILE:5: broken"},
	})
}

// A list may hold one large message many times.
func TestResultsAreBounded(t *testing.T) {
	o := runBody(t, `local m = {s = ("x"):rep(1000000)} local t = {} for i = 1, 1000 do t[i] = m end return t`)
	const want = "message 69 of the result was dropped: those before it have more than 67108864 bytes; the 931 after it were dropped, too"
	if len(o.batch.Lines) != 68 || o.err != nil || strings.Join(o.problems(), "; ") != want {
		t.Errorf("%d messages, %q, %v", len(o.batch.Lines), o.problems(), o.err)
	}
	if n := o.batch.Dropped(); n != 932 {
		t.Errorf("%d are counted as dropped, want 932", n)
	}
}

func TestPlainTables(t *testing.T) {
	drop := func(why string) []string { return []string{"the message was dropped: " + why} }
	runResultTests(t, map[string]resultTest{
		"the types of JSON": {
			body:  `return {s = "text", n = 5, f = 0.5, yes = true, no = false, none = null, list = {1, "two", {x = 3}}, object = {a = {b = {}}}}`,
			lines: []string{`{"s":"text","n":5,"f":0.5,"yes":true,"no":false,"none":null,"list":[1,"two",{"x":3}],"object":{"a":{"b":[]}}}`},
		},
		"empty tables are objects where the schema has one": {
			body:  `return {location = {}, event = {vset = {}, state = {}, other = {}}, other = {}, v = {}}`,
			lines: []string{`{"location":{},"event":{"vset":{},"state":{},"other":[]},"other":[],"v":[]}`},
		},
		"an empty event and values":            {body: `return {event = {}, x = {vset = {}}}`, lines: []string{`{"event":{},"x":{"vset":[]}}`}},
		"an empty value, and empty thresholds": {body: `return {event = {vset = {a = {}, b = {threshold_high = {}}}}}`, lines: []string{`{"event":{"vset":{"a":{},"b":{"threshold_high":[]}}}}`}},
		"dumbprobe.array forces a list": {
			body:  `return {location = dp.array{}, tags = dp.array(), list = dp.array{1}}`,
			lines: []string{`{"location":[],"tags":[],"list":[1]}`},
		},
		"an array with names": {body: `local a = dp.array{} a.x = 1 return {a = a}`, problems: drop("a: a table with both a list and keys (at [x])")},
		"integers up to 2^53 are exact": {
			body:  `return {a = 2^53, b = -2^53, c = 1e15, d = 123456789012, e = 2^53 - 1, f = 1e6}`,
			lines: []string{`{"a":9007199254740992,"b":-9007199254740992,"c":1000000000000000,"d":123456789012,"e":9007199254740991,"f":1000000}`},
		},
		"other numbers have the digits that they need": {
			body:  `return {a = 0.1, b = 1/3, c = 1e300, d = 1e-9, e = 2^60, f = -0.25, g = 5e-324}`,
			lines: []string{`{"a":0.1,"b":0.3333333333333333,"c":1e300,"d":1e-9,"e":1.152921504606847e18,"f":-0.25,"g":5e-324}`},
		},
		"minus zero is zero":         {body: `return {a = -0, b = 0 * -1}`, lines: []string{`{"a":0,"b":0}`}},
		"NaN":                        {body: `return {a = {b = {1, 0/0}}}`, problems: drop("a.b[2]: NaN cannot be written as JSON")},
		"infinity":                   {body: `return {a = 1/0}`, problems: drop("a: infinity cannot be written as JSON")},
		"minus infinity":             {body: `return {["a b"] = -1/0}`, problems: drop(`["a b"]: -infinity cannot be written as JSON`)},
		"a function":                 {body: `return {a = {print}}`, problems: drop("a[1]: a function cannot be written as JSON")},
		"a coroutine":                {body: `return {a = coroutine.create(print)}`, problems: drop("a: a thread cannot be written as JSON")},
		"a file":                     {body: `return {a = io.stdout}`, problems: drop("a: a file cannot be written as JSON")},
		"EOF inside":                 {body: `return {a = dp.EOF}`, problems: drop("a: dumbprobe.EOF cannot be written as JSON")},
		"a check inside":             {body: `return {a = dp.Function{interval = 1, call = print}}`, problems: drop("a: a Function cannot be written as JSON")},
		"a Message inside a message": {body: `return {a = {dp.Message{aspect = "x", value = 1}}}`, problems: drop("a[1]: a Message inside a message")},
		"a Value inside a plain table": {
			body:  `return {event = {vset = {a = dp.Value(5, {unit = "s"}):set_above(3, "high", "warning")}}, b = dp.Value(null)}`,
			lines: []string{`{"event":{"vset":{"a":{"value":5,"unit":"s","threshold_high":[{"name":"high","value":3,"severity":"warning"}]}}},"b":{"value":null}}`},
		},
		"a cycle":                    {body: `local t = {x = 1} t.a = {b = t} return t`, problems: drop("a.b: the table contains itself (a cycle)")},
		"a cycle in a list":          {body: `local t = {} t[1] = t return {l = t}`, problems: drop("l[1]: the table contains itself (a cycle)")},
		"one table twice":            {body: `local t = {1} return {a = t, b = t}`, lines: []string{`{"a":[1],"b":[1]}`}},
		"both a list and names":      {body: `return {a = {1, x = 2}}`, problems: drop("a: a table with both a list and keys (at [x])")},
		"names and then a list":      {body: `local t = {x = 2} t[-1] = 1 return {a = t}`, problems: drop("a: a table with both a list and keys (at [-1])")},
		"a hole in a list":           {body: `return {a = {1, nil, 3}}`, problems: drop("a: a list with a hole: [2] is nil and [3] is not (write dumbprobe.null for a JSON null)")},
		"a number as a key":          {body: `return {a = {[0.5] = 1}}`, problems: drop("a: the number 0.5 as a key: a JSON object's keys are strings")},
		"zero as a key":              {body: `return {a = {[0] = 1}}`, problems: drop("a: the number 0 as a key: a JSON object's keys are strings")},
		"a boolean as a key":         {body: `return {a = {[true] = 1}}`, problems: drop("a: the boolean true as a key: a JSON object's keys are strings")},
		"a table as a key":           {body: `return {a = {x = 1, [{}] = 1}}`, problems: drop("a: a table as a key: a JSON object's keys are strings")},
		"a string that is not UTF-8": {body: `return {a = {b = "\255x"}}`, problems: drop(`a.b: the string "\xffx" is not UTF-8`)},
		"a key that is not UTF-8":    {body: `return {a = {["\255"] = 1}}`, problems: drop(`a: the string "\xff" is not UTF-8`)},
		"half a character":           {body: `return {a = ("ä"):sub(1, 1)}`, problems: drop(`a: the string "\xc3" is not UTF-8`)},
		"text is escaped, and otherwise as it is": {
			body:  `return {a = "q\"b\\n\nt\tnul\0del\127", b = "Łódź €  \226\128\168 <&>"}`,
			lines: []string{`{"a":"q\"b\\n\nt\tnul\u0000del` + "\x7f" + `","b":"Łódź €  \u2028 <&>"}`},
		},
		"names are escaped":                 {body: `return {["a\"b\n"] = 1, [""] = 2}`, lines: []string{`{"a\"b\n":1,"":2}`}},
		"64 levels":                         {body: `local t = {1} for i = 3, 64 do t = {t} end return {a = t}`, lines: []string{`{"a":` + strings.Repeat("[", 63) + "1" + strings.Repeat("]", 63) + "}"}},
		"more than 64 levels":               {body: `local t = {1} for i = 1, 70 do t = {t} end return {a = t}`, problems: drop("a" + strings.Repeat("[1]", 63) + ": more than 64 levels of tables")},
		"a text that is too long":           {body: `return {a = {("x"):rep(1048577)}}`, problems: drop("a[1]: the message is larger than 1048576 bytes")},
		"too many items":                    {body: `local t = {} for i = 1, 600000 do t[i] = 1 end return {a = t}`, problems: drop("a: the message is larger than 1048576 bytes")},
		"an __index function is not called": {body: `return setmetatable({a = 1}, {__index = error, __pairs = error, __len = error, __tostring = error})`, lines: []string{`{"a":1}`}},
		"names keep their order":            {body: `local t = {} for i = 9, 1, -1 do t["k" .. i] = i end return t`, lines: []string{`{"k9":9,"k8":8,"k7":7,"k6":6,"k5":5,"k4":4,"k3":3,"k2":2,"k1":1}`}},
	})
}

func TestAspectAndLocationOfTheCheck(t *testing.T) {
	over := `aspect = "load", location = {host = "web01", cluster = "a"},`
	drop := func(why string) []string { return []string{"the message was dropped: " + why} }
	runResultTests(t, map[string]resultTest{
		"overwrite those of a Message": {
			fields: over, body: `return dp.Message{aspect = "x", time = T, location = {host = "h", disk = "/"}, value = 1}`,
			lines: []string{`{"v":3,"time":1376261660.5,"location":{"cluster":"a","disk":"/","host":"web01"},"event":{"name":"load","vset":{"value":{"value":1}}}}`},
		},
		"give a Message its own": {
			fields: `location = {host = "web01"},`, body: `return dp.Message{aspect = "x", time = T, state = "up"}`,
			lines: []string{`{"v":3,"time":1376261660.5,"location":{"host":"web01"},"event":{"name":"x","state":{"value":"up"}}}`},
		},
		"overwrite those of a plain table": {
			fields: over, body: `return {v = 3, location = {host = "h", disk = "/"}, event = {name = "x", state = {value = "up"}}}`,
			lines: []string{`{"v":3,"location":{"host":"web01","disk":"/","cluster":"a"},"event":{"name":"load","state":{"value":"up"}}}`},
		},
		"are added where there are none": {
			fields: over, body: `return {n = 1}`,
			lines: []string{`{"n":1,"event":{"name":"load"},"location":{"cluster":"a","host":"web01"}}`},
		},
		"are added where there is null": {
			fields: over, body: `return {event = null, location = null}`,
			lines: []string{`{"event":{"name":"load"},"location":{"cluster":"a","host":"web01"}}`},
		},
		"are added to empty tables": {
			fields: over, body: `return {location = {}, event = {}}`,
			lines: []string{`{"location":{"cluster":"a","host":"web01"},"event":{"name":"load"}}`},
		},
		"only the aspect":   {fields: `aspect = "load",`, body: `return {location = 5}`, lines: []string{`{"location":5,"event":{"name":"load"}}`}},
		"only the location": {fields: `location = {host = "h"},`, body: `return {event = 5}`, lines: []string{`{"event":5,"location":{"host":"h"}}`}},
		"of each message of a list": {
			fields: `aspect = "load",`, body: `return {{a = 1}, {event = "x"}, dp.Message{aspect = "y", time = T, value = 1}}`,
			lines: []string{
				`{"a":1,"event":{"name":"load"}}`,
				`{"v":3,"time":1376261660.5,"location":{},"event":{"name":"load","vset":{"value":{"value":1}}}}`},
			problems: []string{"message 2 of the result was dropped: event: is a string, not an object"},
		},
		"an event that is a number":   {fields: over, body: `return {event = 5}`, problems: drop("event: is a number, not an object")},
		"an event that is a list":     {fields: over, body: `return {event = {1}}`, problems: drop("event: is a list, not an object")},
		"a location that is a string": {fields: over, body: `return {location = "web01"}`, problems: drop("location: is a string, not an object")},
		"the script's tables are left as they are": {
			fields: over, body: `
				local location = {host = "h"}
				local m = dp.Message{aspect = "x", time = T, location = location, value = 1}
				OTHER = OTHER or m
				assert(location.host == "h" and OTHER.location.host == "h" and m.aspect == "x" and not location.cluster)
				return {}`,
		},
	})
}

func TestMessagesThatCannotBeWritten(t *testing.T) {
	drop := func(why string) []string { return []string{"the message was dropped: " + why} }
	runResultTests(t, map[string]resultTest{
		"without a state and a value": {body: `return dp.Message{aspect = "x"}`, problems: drop("event: neither a state nor a value")},
		"a severity without a state": {
			body:     `return dp.Message{aspect = "x", value = 1, severity = "error"}`,
			problems: drop("event.state.value: is missing, though a severity is given"),
		},
		"NaN":                     {body: `return dp.Message{aspect = "x", value = 0/0}`, problems: drop("event.vset.value.value: NaN cannot be written as JSON")},
		"NaN among values":        {body: `return dp.Message{aspect = "x", values = {a = 1, b = 1/0}}`, problems: drop("event.vset.b.value: +infinity cannot be written as JSON")},
		"NaN in a Value":          {body: `return dp.Message{aspect = "x", value = dp.Value(0/0)}`, problems: drop("event.vset.value.value: NaN cannot be written as JSON")},
		"NaN as the time":         {body: `return dp.Message{aspect = "x", value = 1, time = 0/0}`, problems: drop("time: NaN cannot be written as JSON")},
		"an aspect not in UTF-8":  {body: `return dp.Message{aspect = "\255", value = 1}`, problems: drop(`event.name: the string "\xff" is not UTF-8`)},
		"a comment not in UTF-8":  {body: `return dp.Message{aspect = "x", value = 1, comment = "\255"}`, problems: drop(`event.comment: the string "\xff" is not UTF-8`)},
		"a unit not in UTF-8":     {body: `return dp.Message{aspect = "x", value = dp.Value(1, {unit = "\255"})}`, problems: drop("event.vset.value.unit: a string that is not valid UTF-8 cannot be written as JSON")},
		"a location not in UTF-8": {body: `return dp.Message{aspect = "x", value = 1, location = {host = "\255"}}`, problems: drop(`location.host: the string "\xff" is not UTF-8`)},
		"a location that became wrong": {
			body:     `local m = dp.Message{aspect = "x", value = 1} m.location.host = 5 return m`,
			problems: drop("location.host: must be a string, not the number 5"),
		},
		"a name of a location that became wrong": {
			body:     `local m = dp.Message{aspect = "x", value = 1} m.location["host name"] = "h" return m`,
			problems: drop(`location["host name"]: the name of a location has letters, digits and _ only`),
		},
		"a value that became wrong": {
			body:     `local m = dp.Message{aspect = "x", values = {a = 1}} m.values.b = "5" return m`,
			problems: drop(`event.vset.b: the string "5", not a number, a Value or dumbprobe.null`),
		},
		"a name of a value that became wrong": {
			body:     `local m = dp.Message{aspect = "x", values = {a = 1}} m.values["a b"] = 5 return m`,
			problems: drop(`event.vset["a b"]: the name of a value has letters, digits and _ only`),
		},
		"a list of values": {
			body:     `local m = dp.Message{aspect = "x", values = {a = 1}} m.values[1] = 5 return m`,
			problems: drop("event.vset[1]: the name of a value has letters, digits and _ only"),
		},
		"a comment that is too long": {
			body:     `return dp.Message{aspect = "x", value = 1, comment = ("x"):rep(1048576)}`,
			problems: drop("event.comment: the message is larger than 1048576 bytes"),
		},
		"too many values": {
			body:     `local v = {} for i = 1, 50000 do v["value_" .. i] = i end return dp.Message{aspect = "x", values = v}`,
			problems: drop("the message is larger than 1048576 bytes"),
		},
	})
}

// The class Message: what its constructor and its fields take, and what is written.
func TestMessage(t *testing.T) {
	runResultTests(t, map[string]resultTest{
		"all fields": {
			body: `return dp.Message{
				aspect = "disk space", location = {host = "web01", filesystem = "/"},
				values = {
					free = dp.Value(12.5, {unit = "GB", type = "direct"}):set_below(20, "low", "warning"):set_below(10, "critical"),
					total = 40, unknown = null,
				},
				state = "full", severity = "error", comment = "no space", time = T, interval = 60, threshold_kept = "fine"}`,
			lines: []string{`{"v":3,"time":1376261660.5,"location":{"filesystem":"/","host":"web01"},"event":{"name":"disk space",` +
				`"state":{"value":"full","severity":"error"},"vset":{` +
				`"free":{"value":12.5,"unit":"GB","type":"direct","threshold_low":[{"name":"low","value":20,"severity":"warning"},{"name":"critical","value":10,"severity":"error"}]},` +
				`"total":{"value":40},"unknown":{"value":null}},"threshold_kept":"fine","comment":"no space","interval":60}}`},
		},
		"one value": {
			body:  `return dp.Message{aspect = "uptime", value = 5, time = T}`,
			lines: []string{`{"v":3,"time":1376261660.5,"location":{},"event":{"name":"uptime","vset":{"value":{"value":5}}}}`},
		},
		"value and values": {
			body: `local values = {a = 1}
				local m = dp.Message{aspect = "x", value = 5, values = values, time = T}
				assert(values.value == nil and m.value == 5 and m.values.value == 5)
				return m`,
			lines: []string{`{"v":3,"time":1376261660.5,"location":{},"event":{"name":"x","vset":{"a":{"value":1},"value":{"value":5}}}}`},
		},
		"a value that could not be measured": {
			body:  `return dp.Message{aspect = "x", value = null, time = T}`,
			lines: []string{`{"v":3,"time":1376261660.5,"location":{},"event":{"name":"x","vset":{"value":{"value":null}}}}`},
		},
		"a state alone": {
			body:  `return dp.Message{aspect = "x", state = "not_running", severity = "warning", time = T}`,
			lines: []string{`{"v":3,"time":1376261660.5,"location":{},"event":{"name":"x","state":{"value":"not_running","severity":"warning"}}}`},
		},
		"fields that are set afterwards": {
			body: `local m = dp.Message{aspect = "x", value = 1}
				m.aspect, m.state, m.severity, m.comment, m.time, m.interval, m.threshold_kept = "y", "up", "expected", "c", T, 5, "kept"
				m.location = {host = "h"}
				m.location.disk = "/"
				m.value = 2
				m.values.other = 3
				assert(m:set("third", 4) == m)
				return m`,
			lines: []string{`{"v":3,"time":1376261660.5,"location":{"disk":"/","host":"h"},"event":{"name":"y","state":{"value":"up","severity":"expected"},` +
				`"vset":{"value":{"value":2},"other":{"value":3},"third":{"value":4}},"threshold_kept":"kept","comment":"c","interval":5}}`},
		},
		"fields that are taken away": {
			body: `local m = dp.Message{aspect = "x", value = 1, state = "up", severity = "error", comment = "c", interval = 5, threshold_kept = "k", location = {host = "h"}, time = T}
				m.state, m.severity, m.comment, m.interval, m.threshold_kept, m.location = nil, nil, nil, nil, nil, nil
				m.time = T
				return m`,
			lines: []string{`{"v":3,"time":1376261660.5,"location":{},"event":{"name":"x","vset":{"value":{"value":1}}}}`},
		},
		"values that are replaced, and a value that is taken away": {
			body: `local m = dp.Message{aspect = "x", value = 1, time = T}
				m.values = {a = 1, b = 2}
				m.values.a = nil
				return m`,
			lines: []string{`{"v":3,"time":1376261660.5,"location":{},"event":{"name":"x","vset":{"b":{"value":2}}}}`},
		},
		"fields that are read": {
			body: `local location = {host = "h"}
				local v = dp.Value(5)
				local m = dp.Message{aspect = "x", values = {a = v, b = 2}, location = location, time = T}
				assert(m.aspect == "x" and m.values.a == v and m.values.b == 2 and m.location == location and m.time == T)
				assert(m.state == nil and m.severity == nil and m.comment == nil and m.interval == nil and m.threshold_kept == nil and m.value == nil)
				assert(dp.Message{aspect = "x"}.location.host == nil)
				assert(math.abs(dp.Message{aspect = "x"}.time - dp.time()) < 10)
				return {}`,
		},
		"wrong fields of the constructor": {
			body: `
				local function fails(want, ...)
					local ok, why = pcall(dp.Message, ...)
					assert(not ok and why:find(want, 1, true), want .. " is not in: " .. tostring(why))
				end
				fails("Message takes one table of fields", nil)
				fails("Message takes one table of fields", "x")
				fails("field QaspectQ is missing (a string that is not empty)", {value = 1})
				fails("field QaspectQ must be a string that is not empty, not the number 5", {aspect = 5})
				fails("field QaspectQ must be a string that is not empty", {aspect = ""})
				fails("unknown field QaspektQ, did you mean QaspectQ?", {aspekt = "x"})
				fails("unknown field QhostQ; the keys of a location are written location = {host = ...}", {aspect = "x", host = "h"})
				fails("field QlocationQ must be a table of strings by name", {aspect = "x", location = "h"})
				fails("field QlocationQ must be a table of strings by name", {aspect = "x", location = {host = 5}})
				fails("field QvalueQ must be a number, a Value or dumbprobe.null, not the string \"5\"", {aspect = "x", value = "5"})
				fails("field QvaluesQ must be a table of numbers, Values and dumbprobe.null by name", {aspect = "x", values = 5})
				fails("field QvaluesQ must be a table of numbers, Values and dumbprobe.null by name", {aspect = "x", values = {1, 2}})
				fails("field QvaluesQ must be a table of numbers, Values and dumbprobe.null by name", {aspect = "x", values = {["a b"] = 1}})
				fails("field QvaluesQ must be a table of numbers, Values and dumbprobe.null by name", {aspect = "x", values = {a = "1"}})
				fails("field QstateQ must be a name of letters, digits and _, not the string \"not running\"", {aspect = "x", state = "not running"})
				fails("field QseverityQ must be \"expected\" or \"warning\" or \"error\", not the string \"bad\"", {aspect = "x", state = "s", severity = "bad"})
				fails("field QcommentQ must be a string", {aspect = "x", comment = 5})
				fails("field QtimeQ must be a number, not the string \"now\"", {aspect = "x", time = "now"})
				fails("field QintervalQ must be a number of seconds, more than 0", {aspect = "x", interval = 0})
				fails("field Qthreshold_keptQ must be a name", {aspect = "x", threshold_kept = ""})
				fails("unexpected positional value [1]", {"x"})
				return {}`,
		},
		"wrong fields that are set": {
			body: `local m = dp.Message{aspect = "x", value = 1}
				local function fails(want, field, v)
					local ok, why = pcall(function() m[field] = v end)
					assert(not ok and why:find(want, 1, true), want .. " is not in: " .. tostring(why))
				end
				fails("Message: field QaspectQ cannot be taken away", "aspect", nil)
				fails("Message: field QaspectQ must be a string that is not empty", "aspect", "")
				fails("Message: unknown field QaspektQ, did you mean QaspectQ?", "aspekt", "x")
				fails("Message: field QvalueQ must be a number", "value", "x")
				fails("Message: field QseverityQ must be", "severity", "x")
				fails("Message: field QlocationQ must be", "location", {1})
				fails("Message: unknown field Q1Q", 1, 1)
				local ok, why = pcall(function() return m.aspekt end)
				assert(not ok and why:find("did you mean", 1, true), why)
				ok, why = pcall(function() return m[1] end)
				assert(not ok and why:find("Message has no field the number 1", 1, true), why)
				ok, why = pcall(m.set, m, "a b", 1)
				assert(not ok and why:find("QnameQ must be a name of letters, digits and _", 1, true), why)
				ok, why = pcall(m.set, m, "a", "1")
				assert(not ok and why:find("QvalueQ must be a number", 1, true), why)
				ok, why = pcall(m.set, "a", 1)
				assert(not ok and why:find("call it with a colon, object:set(...)", 1, true), why)
				return m.value == 1 and {}`,
		},
	})
}

func TestValue(t *testing.T) {
	line := func(v string) []string {
		return []string{`{"v":3,"time":1376261660.5,"location":{},"event":{"name":"x","vset":{"value":` + v + `}}}`}
	}
	with := func(v string) string { return `return dp.Message{aspect = "x", time = T, value = ` + v + `}` }
	runResultTests(t, map[string]resultTest{
		"a number":                {body: with(`dp.Value(5)`), lines: line(`{"value":5}`)},
		"null":                    {body: with(`dp.Value(null)`), lines: line(`{"value":null}`)},
		"a unit and a type":       {body: with(`dp.Value(5, {unit = "B", type = "accumulative"})`), lines: line(`{"value":5,"unit":"B","type":"accumulative"}`)},
		"empty options":           {body: with(`dp.Value(5, {})`), lines: line(`{"value":5}`)},
		"thresholds in order":     {body: with(`dp.Value(5):set_above(1, "a", "warning"):set_above(2, "b"):set_below(0, "c", "error")`), lines: line(`{"value":5,"threshold_high":[{"name":"a","value":1,"severity":"warning"},{"name":"b","value":2,"severity":"error"}],"threshold_low":[{"name":"c","value":0,"severity":"error"}]}`)},
		"a threshold is replaced": {body: with(`dp.Value(5):set_above(1, "a", "warning"):set_above(2, "a", "error")`), lines: line(`{"value":5,"threshold_high":[{"name":"a","value":2,"severity":"error"}]}`)},
		"thresholds of null":      {body: with(`dp.Value(null):set_above(1, "a")`), lines: line(`{"value":null,"threshold_high":[{"name":"a","value":1,"severity":"error"}]}`)},
		"fields that are set":     {body: `local v = dp.Value(5) v.value, v.unit, v.type = 6, "s", "differential" assert(v.value == 6 and v.unit == "s" and v.type == "differential") ` + with("v"), lines: line(`{"value":6,"unit":"s","type":"differential"}`)},
		"fields that are taken":   {body: `local v = dp.Value(5, {unit = "s"}) v.unit, v.value = nil, null assert(v.unit == nil and v.type == nil and v.value == null) ` + with("v"), lines: line(`{"value":null}`)},
		"one that is used twice":  {body: `local v = dp.Value(5) local m = dp.Message{aspect = "x", time = T, values = {a = v, b = v}} v.value = 6 return m`, lines: []string{`{"v":3,"time":1376261660.5,"location":{},"event":{"name":"x","vset":{"a":{"value":6},"b":{"value":6}}}}`}},
		"what is wrong": {
			body: `local function fails(want, f, ...)
					local ok, why = pcall(f, ...)
					assert(not ok and why:find(want, 1, true), want .. " is not in: " .. tostring(why))
				end
				fails("bad argument #1 to Value (QvalueQ must be a number or dumbprobe.null, not nil)", dp.Value)
				fails("must be a number or dumbprobe.null, not the string \"5\"", dp.Value, "5")
				fails("must be a number or dumbprobe.null, not a Value", dp.Value, dp.Value(1))
				fails("bad argument #2 to Value (QoptionsQ must be a table, not the string \"MB\")", dp.Value, 5, "MB")
				fails("unknown field QunittQ, did you mean QunitQ?", dp.Value, 5, {unitt = "s"})
				fails("field QtypeQ must be \"direct\" or \"accumulative\" or \"differential\", not the string \"counter\"", dp.Value, 5, {type = "counter"})
				local v = dp.Value(5)
				fails("bad argument #2 to Value.set_above (QlimitQ must be a finite number, not the string \"5\")", v.set_above, v, "5", "high")
				fails("QlimitQ must be a finite number", v.set_above, v, 1/0, "high")
				fails("bad argument #3 to Value.set_above (QnameQ must be a name of letters, digits and _, not nil)", v.set_above, v, 5)
				fails("QnameQ must be a name of letters", v.set_below, v, 5, "too low")
				fails("bad argument #4 to Value.set_below (QseverityQ must be \"warning\" or \"error\", not the string \"expected\")", v.set_below, v, 5, "low", "expected")
				fails("call it with a colon, object:set_above(...)", v.set_above, 5, "high")
				fails("cannot be taken away", function() v.value = nil end)
				fails("unknown field", function() v.limit = 5 end)
				fails("unknown field", function() return v.limit end)
				return {}`,
		},
	})
}

func TestWorstSeverity(t *testing.T) {
	for name, test := range map[string]struct{ body, want string }{
		"nothing":                      {`return {}`, ""},
		"a state":                      {`return dp.Message{aspect = "x", state = "s", severity = "warning"}`, "warning"},
		"a state without severity":     {`return dp.Message{aspect = "x", state = "s"}`, ""},
		"a threshold":                  {`return dp.Message{aspect = "x", value = dp.Value(5):set_above(3, "high", "warning")}`, "warning"},
		"a threshold that is kept":     {`return dp.Message{aspect = "x", value = dp.Value(5):set_above(7, "high", "warning")}`, ""},
		"the worst of thresholds":      {`return dp.Message{aspect = "x", values = {a = dp.Value(5):set_above(3, "high", "warning"), b = dp.Value(1):set_below(3, "low")}}`, "error"},
		"a state rather than one":      {`return dp.Message{aspect = "x", state = "s", severity = "expected", value = dp.Value(5):set_above(3, "high")}`, ""},
		"the worst of messages":        {`return {dp.Message{aspect = "x", state = "s", severity = "error"}, dp.Message{aspect = "x", state = "s", severity = "warning"}}`, "error"},
		"a plain table":                {`return {event = {state = {value = "s", severity = "error"}}}`, "error"},
		"a plain table with threshold": {`return {event = {vset = {a = {value = 5, threshold_high = {{name = "h", value = 3, severity = "warning"}}}}}}`, "warning"},
		"a Value in a plain table":     {`return {event = {vset = {a = dp.Value(5):set_above(3, "high", "warning")}}}`, "warning"},
		"a severity that is none":      {`return {event = {state = {value = "s", severity = "bad"}}}`, ""},
		"an event that is none":        {`return {event = 5}`, ""},
		"a message that was dropped":   {`return {{event = {state = {value = "s", severity = "error"}}, bad = 0/0}}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := runBody(t, test.body)
			if o.err != nil {
				t.Fatal(o.err)
			}
			if string(o.batch.Worst) != test.want && !(test.want == "" && o.batch.Worst == "expected") {
				t.Errorf("the worst severity is %q, want %q", o.batch.Worst, test.want)
			}
		})
	}
}

func TestErrNilIsRecognised(t *testing.T) {
	if o := runBody(t, ``); !errors.Is(o.err, ErrNil) {
		t.Errorf("the error is %v", o.err)
	}
	var result *ResultError
	if o := runBody(t, `return 5`); !errors.As(o.err, &result) || result.Got != "the number 5" {
		t.Errorf("the error is %v", o.err)
	}
}
