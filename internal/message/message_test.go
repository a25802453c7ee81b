package message_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"testing"

	"dumbprobe/internal/message"
)

// full is a message with every field given.
func full() *message.Message {
	return &message.Message{
		Time:     1376261660.25,
		Location: map[string]string{"host": "web01.example.net", "filesystem": "/", "Zone": "a \"b\""},
		Aspect:   "disk space",
		State:    "low", Severity: message.Warning,
		Values: []message.NamedValue{
			{"total", message.Value{Number: 12.5, Unit: "GB"}},
			{"free", message.Value{
				Number: 1, Unit: "GB", Type: message.Direct,
				Low: []message.Threshold{{"low", 2, message.Warning}},
			}},
			{"inodes", message.Value{Null: true}},
		},
		ThresholdKept: "plenty", Comment: "nearly\nfull", Interval: 60,
	}
}

func TestAppendWritesTheFieldsInOneOrder(t *testing.T) {
	for _, test := range []struct {
		name string
		in   *message.Message
		want string
	}{
		{"a value alone", &message.Message{
			Time: 1376261660, Location: map[string]string{"host": "web01.example.net"}, Aspect: "uptime",
			Values: []message.NamedValue{{"value", message.Value{Number: 3205629.35}}},
		}, `{"v":3,"time":1376261660,"location":{"host":"web01.example.net"},` +
			`"event":{"name":"uptime","vset":{"value":{"value":3205629.35}}}}`},
		{"a state alone", &message.Message{
			Time: 1376261660, Location: map[string]string{"environment": "devel", "cluster": "MongoDB"}, Aspect: "availability",
			State: "not_running", Severity: message.Error,
		}, `{"v":3,"time":1376261660,"location":{"cluster":"MongoDB","environment":"devel"},` +
			`"event":{"name":"availability","state":{"value":"not_running","severity":"error"}}}`},
		{"a state without severity, no location", &message.Message{Aspect: "a", State: "ok"},
			`{"v":3,"time":0,"location":{},"event":{"name":"a","state":{"value":"ok"}}}`},
		{"everything", full(),
			`{"v":3,"time":1376261660.25,"location":{"Zone":"a \"b\"","filesystem":"/","host":"web01.example.net"},` +
				`"event":{"name":"disk space","state":{"value":"low","severity":"warning"},` +
				`"vset":{"total":{"value":12.5,"unit":"GB"},` +
				`"free":{"value":1,"unit":"GB","type":"direct","threshold_low":[{"name":"low","value":2,"severity":"warning"}]},` +
				`"inodes":{"value":null}},` +
				`"threshold_kept":"plenty","comment":"nearly\nfull","interval":60}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.in.Append([]byte("x"))
			if err != nil || string(got) != "x"+test.want {
				t.Errorf("got  %s, %v\nwant x%s", got, err, test.want)
			}
		})
	}
}

func TestAppendWritesTheSchemaVersion(t *testing.T) {
	line, err := full().Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ V int }
	if err := json.Unmarshal(line, &got); err != nil || got.V != message.SchemaVersion {
		t.Errorf("v is %d, %v, want %d", got.V, err, message.SchemaVersion)
	}
}

func TestAppendNamesThePathToWhatIsWrong(t *testing.T) {
	const notUTF8 = ": a string that is not valid UTF-8 cannot be written as JSON"
	const rule = " is not a valid name (letters, digits and _ only, at least one)"
	for _, test := range []struct {
		name   string
		change func(*message.Message)
		want   string
	}{
		{"time", func(m *message.Message) { m.Time = math.NaN() }, "time: NaN cannot be written as JSON"},
		{"key of the location", func(m *message.Message) { m.Location["a.b"] = "" }, `location["a.b"]: "a.b"` + rule},
		{"empty key of the location", func(m *message.Message) { m.Location[""] = "" }, `location[""]: is missing`},
		{"text in the location", func(m *message.Message) { m.Location["host"] = "\xff" }, "location.host" + notUTF8},
		{"no aspect", func(m *message.Message) { m.Aspect = "" }, "event.name: is missing"},
		{"aspect", func(m *message.Message) { m.Aspect = "\xff" }, "event.name" + notUTF8},
		{"neither state nor values", func(m *message.Message) { m.State, m.Severity, m.Values = "", "", nil },
			"event: has neither a state nor values"},
		{"state", func(m *message.Message) { m.State = "not ok" }, `event.state.value: "not ok"` + rule},
		{"severity", func(m *message.Message) { m.Severity = "critical" },
			`event.state.severity: "critical" is none of "expected", "warning" and "error"`},
		{"severity of nothing", func(m *message.Message) { m.State = "" },
			"event.state.value: is missing, though a severity is given"},
		{"name of a value", func(m *message.Message) { m.Values[0].Name = "a b" }, `event.vset["a b"]: "a b"` + rule},
		{"no name of a value", func(m *message.Message) { m.Values[0].Name = "" }, `event.vset[""]: is missing`},
		{"value twice", func(m *message.Message) { m.Values[2].Name = "free" }, "event.vset.free: is given twice"},
		{"one of many values twice", func(m *message.Message) {
			for i := range 100 {
				m.Values = append(m.Values, message.NamedValue{Name: fmt.Sprint("v", i%99)})
			}
		}, "event.vset.v0: is given twice"},
		{"value", func(m *message.Message) { m.Values[1].Value.Number = math.Inf(1) },
			"event.vset.free.value: +infinity cannot be written as JSON"},
		{"threshold", func(m *message.Message) { m.Values[1].Value.Low[0].Limit = math.NaN() },
			"event.vset.free.threshold_low[0].value: NaN cannot be written as JSON"},
		{"threshold_kept", func(m *message.Message) { m.ThresholdKept = "\xff" }, "event.threshold_kept" + notUTF8},
		{"comment", func(m *message.Message) { m.Comment = "a\xffb" }, "event.comment" + notUTF8},
		{"interval", func(m *message.Message) { m.Interval = math.NaN() }, "event.interval: NaN cannot be written as JSON"},
		{"negative interval", func(m *message.Message) { m.Interval = -60 }, "event.interval: is negative"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := full()
			test.change(m)
			got, err := m.Append([]byte("x"))
			if _, ok := errors.AsType[*message.PathError](err); !ok || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if string(got) != "x" {
				t.Errorf("dst is %q", got)
			}
		})
	}
}

func TestDerivedState(t *testing.T) {
	value := func(name string, number, warn, crit float64) message.NamedValue {
		v := message.Value{Number: number}
		_ = v.SetAbove(warn, "warning", message.Warning)
		_ = v.SetAbove(crit, "critical_"+name, message.Error)
		return message.NamedValue{Name: name, Value: v}
	}
	type values = []message.NamedValue
	for _, test := range []struct {
		name     string
		in       message.Message
		state    string
		severity message.Severity
	}{
		{"no values", message.Message{}, "ok", message.Expected},
		{"all kept", message.Message{Values: values{value("a", 5, 5, 10)}}, "ok", message.Expected},
		{"all kept, with a name for that", message.Message{ThresholdKept: "calm", Values: values{value("a", 1, 5, 10)}}, "calm", message.Expected},
		{"the worst of all values", message.Message{ThresholdKept: "calm",
			Values: values{value("a", 6, 5, 10), value("b", 11, 5, 10), value("c", 1, 5, 10)}}, "critical_b", message.Error},
		{"the first of equals", message.Message{Values: values{value("a", 11, 5, 10), value("b", 99, 5, 10)}}, "critical_a", message.Error},
		{"a given state does not matter", message.Message{State: "odd", Severity: message.Error,
			Values: values{value("a", 6, 5, 10)}}, "warning", message.Warning},
	} {
		t.Run(test.name, func(t *testing.T) {
			if state, severity := test.in.DerivedState(); state != test.state || severity != test.severity {
				t.Errorf("got %s, %s, want %s, %s", state, severity, test.state, test.severity)
			}
		})
	}
}

func TestAppendAllocatesNothingWhenThereIsRoom(t *testing.T) {
	m := full()
	buf := make([]byte, 0, 4096)
	value := &m.Values[1].Value
	for name, appendOne := range map[string]func(){
		"Message": func() { _, _ = m.Append(buf) },
		"Value":   func() { _, _ = message.AppendValue(buf, value) },
		"String":  func() { _, _ = message.AppendString(buf, "nearly \"full\"\n\u2028 żółw") },
		"Number":  func() { _, _ = message.AppendNumber(buf, 1.5e-9) },
	} {
		if n := testing.AllocsPerRun(100, appendOne); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkMessageAppend(b *testing.B) {
	m := full()
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = m.Append(buf[:0]); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkAppendString(b *testing.B) {
	const s = `DISK OK - free space: / 81712MiB (87% inode=97%); "/dev/shm" 24105MiB (100% inode=99%) – żółw`
	buf := make([]byte, 0, 4096)
	b.SetBytes(int64(len(s)))
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = message.AppendString(buf[:0], s)
	}
}

func BenchmarkAppendNumber(b *testing.B) {
	buf := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = message.AppendNumber(buf[:0], 1376261660)
		buf, _ = message.AppendNumber(buf[:0], 3205629.35)
	}
}
