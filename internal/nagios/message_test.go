package nagios_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"dumbprobe/internal/message"
	"dumbprobe/internal/nagios"
)

func TestState(t *testing.T) {
	for _, test := range []struct {
		code     int
		state    string
		severity message.Severity
	}{
		{0, "ok", message.Expected},
		{1, "warning", message.Warning},
		{2, "critical", message.Error},
		{3, "unknown", message.Error},
		{4, "unknown", message.Error},
		{127, "unknown", message.Error},
		{-9, "unknown", message.Error},
	} {
		if state, severity := nagios.State(test.code); state != test.state || severity != test.severity {
			t.Errorf("%d: %s, %s, want %s, %s", test.code, state, severity, test.state, test.severity)
		}
	}
}

const (
	okState       = `"state":{"value":"ok","severity":"expected"}`
	warningState  = `"state":{"value":"warning","severity":"warning"}`
	criticalState = `"state":{"value":"critical","severity":"error"}`
	unknownState  = `"state":{"value":"unknown","severity":"error"}`
)

// high and low are the lists of thresholds that warn and crit come to.
func high(warn, crit string) string { return `"threshold_high":` + thresholds(warn, crit) }
func low(warn, crit string) string  { return `"threshold_low":` + thresholds(warn, crit) }

func thresholds(warn, crit string) string {
	return `[{"name":"warning","value":` + warn + `,"severity":"warning"},{"name":"critical","value":` + crit + `,"severity":"error"}]`
}

// The outputs are those of the Monitoring Plugins 2.3.3.
func TestMessageOfRealPlugins(t *testing.T) {
	for _, test := range []struct {
		name   string
		stdout string
		code   int
		want   string // the event, without its name
	}{
		{
			"check_load", "LOAD OK - total load average: 0.00, 0.00, 0.00|load1=0.000;15.000;30.000;0; load5=0.000;10.000;25.000;0; load15=0.000;5.000;20.000;0; \n", 0,
			`"vset":{"load1":{"value":0,` + high("15", "30") + `,` + low("0", "0") + `},` +
				`"load5":{"value":0,` + high("10", "25") + `,` + low("0", "0") + `},` +
				`"load15":{"value":0,` + high("5", "20") + `,` + low("0", "0") + `}},` +
				`"comment":"LOAD OK - total load average: 0.00, 0.00, 0.00"`,
		},
		{
			"check_load, above a threshold", "LOAD WARNING - total load average: 0.04, 0.01, 0.00|load1=0.040;0.000;30.000;0; load5=0.010;10.000;25.000;0; load15=0.000;5.000;20.000;0; \n", 1,
			`"vset":{"load1":{"value":0.04,` + high("0", "30") + `,` + low("0", "0") + `},` +
				`"load5":{"value":0.01,` + high("10", "25") + `,` + low("0", "0") + `},` +
				`"load15":{"value":0,` + high("5", "20") + `,` + low("0", "0") + `}},` +
				`"comment":"LOAD WARNING - total load average: 0.04, 0.01, 0.00"`,
		},
		{
			"check_disk", disk, 0,
			`"vset":{"_root":{"value":12111052800,"unit":"B",` + high("216442024755", "243497277849") + `,` + low("0", "0") + `},` +
				`"__dev__shm":{"value":0,"unit":"B",` + high("20220739584", "22748332032") + `,` + low("0", "0") + `}},` +
				`"comment":"DISK OK - free space: / 81712MiB (87% inode=97%); /dev/shm 24105MiB (100% inode=99%);"`,
		},
		{
			"check_disk, above both thresholds", "DISK CRITICAL - free space: / 81712MiB (87% inode=97%);| /=12111052800B;2705525309;5411050618;0;270552530944\n", 2,
			`"vset":{"_root":{"value":12111052800,"unit":"B",` + high("2705525309", "5411050618") + `,` + low("0", "0") + `}},` +
				`"comment":"DISK CRITICAL - free space: / 81712MiB (87% inode=97%);"`,
		},
		{
			"check_disk, a warning about inodes that the values do not show", "DISK WARNING - free space: / 81712MiB (87% inode=97%);| /=12111052800B;135276265472;135276265472;0;270552530944\n", 1,
			warningState + `,"vset":{"_root":{"value":12111052800,"unit":"B",` + high("135276265472", "135276265472") + `,` + low("0", "0") + `}},` +
				`"comment":"DISK WARNING - free space: / 81712MiB (87% inode=97%);"`,
		},
		{
			"check_procs", "PROCS OK: 73 processes | procs=73;250;400;0;\n", 0,
			`"vset":{"procs":{"value":73,` + high("250", "400") + `,` + low("0", "0") + `}},"comment":"PROCS OK: 73 processes"`,
		},
		{
			"check_procs, with ranges", "PROCS CRITICAL: 73 processes | procs=73;1:1;1:2;0;\n", 2,
			`"vset":{"procs":{"value":73,` + high("1", "2") + `,` + low("1", "1") + `}},"comment":"PROCS CRITICAL: 73 processes"`,
		},
		{
			"check_procs, without thresholds in the perf", "VSZ CRITICAL: 16 crit, 0 warn out of 73 processes | procs=73;;;0; procs_warn=0;;;0; procs_crit=16;;;0;\n", 2,
			criticalState + `,"vset":{"procs":{"value":73},"procs_warn":{"value":0},"procs_crit":{"value":16}},` +
				`"comment":"VSZ CRITICAL: 16 crit, 0 warn out of 73 processes"`,
		},
		{
			"check_procs, after the shell expanded a ~", "PROCS WARNING: 73 processes | procs=73;/home:10;@10:20;0;\n", 1,
			warningState + `,"vset":{"procs":{"value":73}},"comment":"PROCS WARNING: 73 processes"`,
		},
		{
			"check_users", "USERS OK - 0 users currently logged in |users=0;5;10;0\n", 0,
			`"vset":{"users":{"value":0,` + high("5", "10") + `,` + low("0", "0") + `}},"comment":"USERS OK - 0 users currently logged in"`,
		},
		{
			"check_users, below both thresholds", "USERS CRITICAL - 0 users currently logged in |users=0;5:;1:;0\n", 2,
			`"vset":{"users":{"value":0,` + low("5", "1") + `}},"comment":"USERS CRITICAL - 0 users currently logged in"`,
		},
		{
			"check_ping", "PING OK - Packet loss = 0%, RTA = 0.17 ms|rta=0.172000ms;100.000000;200.000000;0.000000 pl=0%;20;50;0;\n", 0,
			`"vset":{"rta":{"value":0.172,"unit":"ms",` + high("100", "200") + `,` + low("0", "0") + `},` +
				`"pl":{"value":0,"unit":"%",` + high("20", "50") + `,` + low("0", "0") + `}},` +
				`"comment":"PING OK - Packet loss = 0%, RTA = 0.17 ms"`,
		},
		{
			"check_icmp", "OK - 127.0.0.1: rta 0.016ms, lost 0%|rta=0.016ms;200.000;500.000;0; pl=0%;40;80;; rtmax=0.062ms;;;; rtmin=0.003ms;;;; \n", 0,
			`"vset":{"rta":{"value":0.016,"unit":"ms",` + high("200", "500") + `,` + low("0", "0") + `},` +
				`"pl":{"value":0,"unit":"%",` + high("40", "80") + `,` + low("0", "0") + `},` +
				`"rtmax":{"value":0.062,"unit":"ms"},"rtmin":{"value":0.003,"unit":"ms"}},` +
				`"comment":"OK - 127.0.0.1: rta 0.016ms, lost 0%"`,
		},
		{
			"check_tcp", "TCP OK - 0.000 second response time on 127.0.0.1 port 18231|time=0.000092s;0.500000;1.000000;0.000000;10.000000\n", 0,
			`"vset":{"time":{"value":0.000092,"unit":"s",` + high("0.5", "1") + `,` + low("0", "0") + `}},` +
				`"comment":"TCP OK - 0.000 second response time on 127.0.0.1 port 18231"`,
		},
		{
			"check_tcp, refused", "connect to address 127.0.0.1 and port 1: Connection refused\n", 2,
			criticalState + `,"comment":"connect to address 127.0.0.1 and port 1: Connection refused"`,
		},
		{
			"check_http", "HTTP OK: HTTP/1.0 200 OK - 3758 bytes in 0.002 second response time |time=0.002214s;1.000000;2.000000;0.000000;10.000000 size=3758B;;;0;\n", 0,
			`"vset":{"time":{"value":0.002214,"unit":"s",` + high("1", "2") + `,` + low("0", "0") + `},"size":{"value":3758,"unit":"B"}},` +
				`"comment":"HTTP OK: HTTP/1.0 200 OK - 3758 bytes in 0.002 second response time"`,
		},
		{
			"check_swap, without swap", "SWAP CRITICAL - 0% free (0MB out of 0MB) - Swap is either disabled, not present, or of zero size. |swap=0B;0;0;0;0\n", 2,
			criticalState + `,"vset":{"swap":{"value":0,"unit":"B",` + high("0", "0") + `,` + low("0", "0") + `}},` +
				`"comment":"SWAP CRITICAL - 0% free (0MB out of 0MB) - Swap is either disabled, not present, or of zero size."`,
		},
		{
			"check_file_age, where thresholds of 0 mean none", "FILE_AGE WARNING: /etc/passwd is 629 seconds old and 1270 bytes | age=629s;100;1000000000 size=1270B;0;0;0\n", 1,
			warningState + `,"vset":{"age":{"value":629,"unit":"s",` + high("100", "1000000000") + `,` + low("0", "0") + `},` +
				`"size":{"value":1270,"unit":"B",` + high("0", "0") + `,` + low("0", "0") + `}},` +
				`"comment":"FILE_AGE WARNING: /etc/passwd is 629 seconds old and 1270 bytes"`,
		},
		{
			"check_time, with long text", "connect to address 127.0.0.1 and port 37: Connection refused\nTIME UNKNOWN - could not connect to server 127.0.0.1, port 37\n", 3,
			unknownState + `,"comment":"connect to address 127.0.0.1 and port 37: Connection refused"`,
		},
		{"check_dummy", "CRITICAL: it broke\n", 2, criticalState + `,"comment":"CRITICAL: it broke"`},
		{"check_dummy, ok", "OK\n", 0, okState + `,"comment":"OK"`},
		{"check_dummy, with perf", "OK: a|b=1\n", 0, okState + `,"vset":{"b":{"value":1}},"comment":"OK: a"`},
	} {
		t.Run(test.name, func(t *testing.T) { checkEvent(t, test.stdout, test.code, test.want) })
	}
}

func TestMessage(t *testing.T) {
	for _, test := range []struct {
		name   string
		stdout string
		code   int
		want   string
	}{
		{"no output", "", 0, okState},
		{"no output, killed", "", -9, unknownState},
		{"the state is never lost", "|a=x b 'c", 1, warningState},
		{"unknown is never derivable", "|a=1;10;20", 3, unknownState + `,"vset":{"a":{"value":1,` + high("10", "20") + `,` + low("0", "0") + `}}`},
		{"the state stays where the thresholds disagree", "|a=15;10;20", 2,
			criticalState + `,"vset":{"a":{"value":15,` + high("10", "20") + `,` + low("0", "0") + `}}`},
		{"a value at the limit keeps it", "|a=20;10:30;20:30", 0, `"vset":{"a":{"value":20,` + high("30", "30") + `,` + low("10", "20") + `}}`},
		{"one threshold of one value is enough", "|a=1 b=2;~:10", 0,
			`"vset":{"a":{"value":1},"b":{"value":2,"threshold_high":[{"name":"warning","value":10,"severity":"warning"}]}}`},
		{"open ends are no thresholds", "|a=1;~:;5:", 2,
			`"vset":{"a":{"value":1,"threshold_low":[{"name":"critical","value":5,"severity":"error"}]}}`},
		{"a range open at both ends is none", "|a=1;~:", 0, okState + `,"vset":{"a":{"value":1}}`},
		{"a plain number alerts below zero too", "|a=-1;10;20", 2, `"vset":{"a":{"value":-1,` + high("10", "20") + `,` + low("0", "0") + `}}`},
		{"alerts inside of a range cannot be expressed", "|a=15;@10:20;30", 1, warningState + `,"vset":{"a":{"value":15}}`},
		{"other values' thresholds do not cover for that", "|a=15;@10:20 b=1;~:5;~:6", 1,
			warningState + `,"vset":{"a":{"value":15},"b":{"value":1,` + high("5", "6") + `}}`},
		{"undetermined is null", "|a=U", 0, okState + `,"vset":{"a":{"value":null}}`},
		{"nothing derives from thresholds of what was not measured", "|a=U;~:10;~:20", 0,
			okState + `,"vset":{"a":{"value":null,` + high("10", "20") + `}}`},
		{"a counter is accumulative, without a unit", "|a=5c", 0, okState + `,"vset":{"a":{"value":5,"type":"accumulative"}}`},
		{"min and max are not sent", "|a=5;;;0;10", 0, okState + `,"vset":{"a":{"value":5}}`},
		{"a bad range loses its thresholds only", "|a=5;20:10;~:3", 2,
			`"vset":{"a":{"value":5,"threshold_high":[{"name":"critical","value":3,"severity":"error"}]}}`},
		{"long text is not sent", "OK\nmore|a=1\n", 0, okState + `,"vset":{"a":{"value":1}},"comment":"OK"`},
		{"text that is not UTF-8", "a\xff\xfeb", 0, okState + `,"comment":"a` + "\uFFFD" + `b"`},
		{"a long text is cut", strings.Repeat("é", 2000), 0, okState + `,"comment":"` + strings.Repeat("é", 1024) + `"`},
		{"a text of the longest characters too", strings.Repeat("🐢", 2000), 0, okState + `,"comment":"` + strings.Repeat("🐢", 1024) + `"`},
		{"a text that just fits is not cut", strings.Repeat("a", 1024), 0, okState + `,"comment":"` + strings.Repeat("a", 1024) + `"`},
	} {
		t.Run(test.name, func(t *testing.T) { checkEvent(t, test.stdout, test.code, test.want) })
	}
}

func checkEvent(t *testing.T, stdout string, code int, want string) {
	t.Helper()
	m := nagios.Message(nagios.Parse([]byte(stdout)), code)
	m.Aspect, m.Time = "plugin", 1
	line, err := m.Append(nil)
	want = `{"v":3,"time":1,"location":{},"event":{"name":"plugin",` + want + `}}`
	if err != nil || string(line) != want {
		t.Errorf("got  %s, %v\nwant %s", line, err, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		disk, "", "OK|a=1;2;3;4;5", "OK\nlong|a=1\n'b c'=2c", "|'a''b'=0,5%;~:1;@2:3", "|a=U 'x =1;20:10", "\xff|\xff=1\xff", "|/=1 _root=2",
	} {
		f.Add([]byte(s), 0)
	}
	f.Fuzz(func(t *testing.T, stdout []byte, code int) {
		out := nagios.Parse(stdout)
		names := map[string]bool{}
		for _, p := range out.Perf {
			if !message.ValidName(p.Name) || names[p.Name] || p.Label == "" || !utf8.ValidString(p.Unit) {
				t.Fatalf("%q: %+v", stdout, p)
			}
			names[p.Name] = true
		}
		for _, d := range out.Dropped {
			if d.Text == "" || d.Reason == "" {
				t.Fatalf("%q: %+v", stdout, d)
			}
		}

		m := nagios.Message(out, code)
		m.Aspect, m.Time = "plugin", 1
		line, err := m.Append(nil)
		if err != nil || !json.Valid(line) {
			t.Fatalf("%q: %s, %v", stdout, line, err)
		}
		if utf8.RuneCountInString(m.Comment) > 1024 || len(m.Values) != len(out.Perf) {
			t.Fatalf("%q: %+v", stdout, m)
		}
		// Whoever reads the message comes to the state of the exit code.
		state, severity := nagios.State(code)
		if m.State == "" {
			m.State, m.Severity = m.DerivedState()
		}
		if m.State != state || m.Severity != severity {
			t.Fatalf("%q: %s, %s, want %s, %s", stdout, m.State, m.Severity, state, severity)
		}
	})
}
