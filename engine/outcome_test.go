package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"
)

// outcomeCases are entries of a script, and what comes of each.
var outcomeCases = []struct {
	name    string // also of the entry
	source  string // the entry; NAME is its name
	outcome Outcome
	comment string // part of it
	sent    int    // messages that the entry sends all the same
}{
	{"an error in Lua", `dp.Function{call = function() error("boom") end, interval = 3600, NAME}`,
		OutcomeError, "a.lua:2: boom", 0},
	{"an error object", `dp.Function{call = function() error({message = "in a table"}) end, interval = 3600, NAME}`,
		OutcomeError, "in a table", 0},
	{"a mistake in the script", `dp.Function{call = function() return nothing.here end, interval = 3600, NAME}`,
		OutcomeError, "attempt to index", 0},
	{"too deep a recursion", `dp.Function{call = function() local function f() return 1 + f() end return f() end, interval = 3600, NAME}`,
		OutcomeError, "stack overflow", 0},
	{"a result that is no message", `dp.Function{call = function() return 5 end, interval = 3600, NAME}`,
		OutcomeError, "the result is the number 5", 0},
	{"a command that does not exist", `dp.ShellCommand{command = {"/nowhere/command"}, interval = 3600, NAME}`,
		OutcomeError, "/nowhere/command", 0},
	{"a command that fails", `dp.ShellCommand{command = "echo '{\"m\": 1}'; echo why >&2; exit 3", interval = 3600, NAME}`,
		OutcomeError, "exit code 3; it wrote: why", 0},
	{"a command that is killed", `dp.ShellCommand{command = "kill -9 $$", interval = 3600, NAME}`,
		OutcomeError, "signal 9", 0},
	{"output that is no JSON, after some that is", `dp.ShellCommand{command = "echo '{\"m\": 1} {'", interval = 3600, NAME}`,
		OutcomeError, "not a sequence of JSON objects", 1},
	{"a parse function that raises", `dp.ShellCommand{command = "true", parse = function() error("no parse") end, interval = 3600, NAME}`,
		OutcomeError, "no parse", 0},
	{"a sleep past the deadline", `dp.Function{call = function() dp.sleep(60) end, interval = 3600, timeout = 0.2, NAME}`,
		OutcomeTimeout, "the deadline of 200ms passed", 0},
	{"a loop past the deadline", `dp.Function{call = function() while true do end end, interval = 3600, timeout = 0.2, NAME}`,
		OutcomeTimeout, "deadline of 200ms passed", 0},
	{"a command past the deadline", `dp.ShellCommand{command = "sleep 60", interval = 3600, timeout = 0.2, NAME}`,
		OutcomeTimeout, "200ms", 0},
	{"a command called by a function, past the deadline", `dp.Function{call = function() return dp.command("sleep 60") end, interval = 3600, timeout = 0.2, NAME}`,
		OutcomeTimeout, "200ms", 0},
	{"nil", `dp.Function{call = function() end, interval = 3600, NAME}`,
		OutcomeNil, "is a `return` missing?", 0},
	{"nil from a table", `{next_run = function() return last and dp.time() + 3600 or 0 end, run = function() last = true end, check_name = function() return "nil from a table" end}`,
		OutcomeNil, "is a `return` missing?", 0},
	{"one bad message of three", `dp.Function{call = function() return {{m = 1}, {m = 0/0}, {m = 2}} end, interval = 3600, NAME}`,
		OutcomeDropped, "message 2 of the result was dropped: m: ", 2},
	{"several bad messages", `dp.Function{call = function() local c = {}; c.c = c; return {{m = 1}, c, {m = print}, {m = "\255"}} end, interval = 3600, NAME}`,
		OutcomeDropped, "(and 2 more)", 1},
	{"a bad message alone", `dp.Function{call = function() return dp.Message{aspect = "x", value = 1/0} end, interval = 3600, NAME}`,
		OutcomeDropped, "the message was dropped: ", 0},
	{"a skipped run", `dp.Function{call = function() if not slept then slept = true; dp.sleep(0.5) end return {m = 1} end, interval = 0.2, NAME}`,
		OutcomeSkipped, "runs fell out", 1},
	{"a next_run that fails", `{next_run = function() if asked then return dp.time() + 3600 end asked = true; error("no plan") end, run = function() return {} end, check_name = function() return "a next_run that fails" end}`,
		OutcomeNextRun, "next_run: ", 0},
	{"a handle that cannot be opened", `dp.ShellStream{command = {"/nowhere/stream"}, reopen = 3600, NAME}`,
		OutcomeOpenFailed, "could not be opened: ", 0},
	{"a handle whose open raises", `dp.BaseHandle:extend{open = function() error("not today") end}{reopen = 3600, NAME}`,
		OutcomeOpenFailed, "not today", 0},
	{"a handle at its end", `dp.ShellStream{command = "echo '{\"m\": 1}'", reopen = 3600, NAME}`,
		OutcomeEOF, "the handle came to its end; it is opened again in 1h0m0s", 1},
	{"a handle whose command fails", `dp.ShellStream{command = "exit 3", reopen = 3600, NAME}`,
		OutcomeEOF, "exit code 3", 0},
	{"a record that is no JSON", `dp.ShellStream{command = "echo '{\"m\": 1}'; echo nonsense; echo '{\"m\": 2}'; sleep 3600", reopen = 3600, NAME}`,
		OutcomeDropped, `the record "nonsense" was dropped`, 2},
	{"a record that parse rejects", `dp.ShellStream{command = "echo 1; echo x; echo 2; sleep 3600", parse = function(l) return {m = l + 0} end, reopen = 3600, NAME}`,
		OutcomeDropped, `the record "x" was dropped`, 2},
	{"a read_messages that raises", `dp.BaseHandle:extend{open = function() end, read_messages = function() if raised then return {} end raised = true; error("no messages") end}{poll = 0.1, NAME}`,
		OutcomeError, "no messages", 0},
}

// Elsewhere: load_failed in TestAFileThatFailsToLoad..., stuck in
// TestAStuckVM..., out_of_memory in TestAScriptThatHoldsTooMuch..., cancelled in TestARunThatOutlivesTheGrace...,
// state_failed in TestDamagedStateIsReported, next_run_past in TestANextRunThatIsAlwaysInThePast....
var outcomesElsewhere = []Outcome{OutcomeOK, OutcomeLoadFailed, OutcomeStuck, OutcomeMemory, OutcomeCancelled, OutcomeState, OutcomePast}

// fieldName gives an entry its name.
func (source entrySource) named(name string) string {
	return strings.ReplaceAll(string(source), "NAME", fmt.Sprintf("name = %q, location = {entry = %q}", name, name))
}

type entrySource string

func TestEachOutcomeIsOneLogLineOneCountAndOneMessage(t *testing.T) {
	t.Parallel()
	source := "return {"
	want := map[Outcome]uint64{}
	for _, c := range outcomeCases {
		source += "\n" + strings.ReplaceAll(entrySource(c.source).named(c.name), "\n", " ") + ","
		want[c.outcome]++
	}
	path := lua(t, "a.lua", source+"}")
	d := launch(t, Options{Checks: []string{path}})
	for _, c := range outcomeCases {
		d.message(c.name, self(c.name, c.outcome))
	}
	d.stop()

	for i, c := range outcomeCases {
		position := i + 1
		lines := d.logs.Filter(told(c.name, c.outcome)).All()
		if len(lines) != 1 {
			t.Errorf("%s: %d log lines", c.name, len(lines))
			continue
		}
		fields := lines[0].ContextMap()
		if fields["script"] != path || fields["check"] != c.name || fields["position"] != int64(position) || fields["outcome"] != string(c.outcome) {
			t.Errorf("%s: log fields %v", c.name, fields)
		}
		if lines[0].Level != c.outcome.level() {
			t.Errorf("%s: logged at level %s", c.name, lines[0].Level)
		}
		said := d.sent(self(c.name, c.outcome))
		if len(said) != 1 {
			t.Errorf("%s: %d messages of the daemon's own", c.name, len(said))
			continue
		}
		m := said[0]
		conforms(t, m)
		if lines[0].Message != m.Event.Comment {
			t.Errorf("%s: logged %q\nsaid %q", c.name, lines[0].Message, m.Event.Comment)
		}
		if part := strings.ReplaceAll(c.comment, "a.lua:2", fmt.Sprintf("a.lua:%d", position+1)); !strings.Contains(m.Event.Comment, part) {
			t.Errorf("%s: comment %q, want %q", c.name, m.Event.Comment, part)
		}
		if m.Location["script"] != path || m.Event.State.Severity != string(c.outcome.severity()) {
			t.Errorf("%s: %s", c.name, m.raw)
		}
		if c.outcome == OutcomeSkipped {
			continue // goes on sending
		}
		own := d.sent(func(m msg) bool { return m.Location["entry"] == c.name || entryOf(m) == c.name })
		if len(own) != c.sent {
			t.Errorf("%s: %d messages sent, want %d", c.name, len(own), c.sent)
		}
	}
	seen := map[Outcome]bool{}
	for o, n := range want {
		seen[o] = true
		if got := d.count(o); got != n {
			t.Errorf("outcome %s was counted %d times, want %d", o, got, n)
		}
	}
	for _, o := range outcomesElsewhere {
		seen[o] = true
	}
	if got, all := slices.Sorted(maps.Keys(seen)), slices.Sorted(maps.Keys(outcomes)); !slices.Equal(got, all) {
		t.Errorf("outcomes tested: %v\nof %v", got, all)
	}
}

// entryOf is the entry that a dict message carries in its location.
func entryOf(m msg) string {
	location, _ := m.keys["location"].(map[string]any)
	name, _ := location["entry"].(string)
	return name
}

var schemaName = regexp.MustCompile(`^[a-zA-Z0-9_]+$`)

// conforms checks that a message of the daemon's own is one of schema v3, and just what receivers rely on.
func conforms(t *testing.T, m msg) {
	t.Helper()
	var strict struct {
		V        int
		Time     float64
		Location map[string]string
		Event    struct {
			Name    string
			State   struct{ Value, Severity string }
			Comment *string
		}
	}
	decoder := json.NewDecoder(strings.NewReader(m.raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&strict); err != nil {
		t.Errorf("%v: %s", err, m.raw)
		return
	}
	host, script := strict.Location["host"], strict.Location["script"]
	switch {
	case strict.V != 3,
		math.Abs(strict.Time-float64(time.Now().Unix())) > 60,
		strict.Event.Name != "dumbprobe check",
		host != hostname(), script == "",
		!schemaName.MatchString(strict.Event.State.Value),
		!slices.Contains([]string{"expected", "warning", "error"}, strict.Event.State.Severity),
		!utf8.ValidString(m.raw) || strings.Contains(m.raw, "\n"):
		t.Errorf("not as the schema says: %s", m.raw)
	}
	for key := range strict.Location {
		if !slices.Contains([]string{"host", "script", "check"}, key) {
			t.Errorf("location %v", strict.Location)
		}
	}
}

func TestEveryOutcomeIsAState(t *testing.T) {
	for o, severity := range outcomes {
		if !schemaName.MatchString(string(o)) || severity == "" {
			t.Errorf("%q %q", o, severity)
		}
	}
}

func TestSelfMessages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mode SelfMessages
		want []string // the states said, in order, of: error x5, ok x5, nil, error x2, ok
	}{
		{SelfOff, nil},
		{SelfChanges, []string{"error", "ok", "nil_result", "error", "ok"}},
		{SelfAll, []string{"error", "error", "error", "error", "error", "ok", "nil_result", "error", "error", "ok"}},
	} {
		t.Run(string(c.mode), func(t *testing.T) {
			t.Parallel()
			d := launch(t, Options{SelfMessages: c.mode, Checks: []string{lua(t, "a.lua", `
local n = 0
return {{check_name = function() return "x" end, next_run = function() return dp.time() + 0.03 end, run = function()
  n = n + 1
  if n <= 5 or n == 12 or n == 13 then error("no " .. n) end
  if n == 11 then return nil end
  return {n = n}
end}}`)}})
			d.message("the last state", func(m msg) bool { return m.num("n") > 14 })
			d.stop()
			var got []string
			for _, m := range d.sent(aspect(selfAspect)) {
				conforms(t, m)
				got = append(got, m.state())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("said %q, want %q", got, c.want)
			}
			if n := d.count(OutcomeError); n != 7 {
				t.Errorf("counted %d errors, want 7", n)
			}
			if n := len(d.logs.Filter(told("x", OutcomeError)).All()); n != 7 {
				t.Errorf("logged %d errors, want 7", n)
			}
			if n, runs := d.count(OutcomeOK), d.sent(func(m msg) bool { return m.has("n") }); int(n) != len(runs) {
				t.Errorf("counted %d runs that went well, of %d", n, len(runs))
			}
		})
	}
}

// newTestVoice records what is said.
func newTestVoice(mode SelfMessages, logger *zap.Logger) (*voice, *[]msg) {
	said := &[]msg{}
	return newVoice(mode, logger, hostname, func(line []byte) { *said = append(*said, parseMsg(line)) }), said
}

func TestTheSameIsSaidOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, said := newTestVoice(SelfChanges, zap.NewNop())
		a, b := source{script: "a.lua", check: "x", position: 1}, source{script: "b.lua", check: "x", position: 1}
		for range 150 { // a second between two
			v.tell(a, "run", OutcomeError, errors.New("no"))
			time.Sleep(time.Second)
		}
		if len(*said) != 3 {
			t.Errorf("%d messages in 150 s, want 3", len(*said))
		}
		v.tell(b, "run", OutcomeError, errors.New("no"))
		v.tell(b, "schedule", OutcomeSkipped, errors.New("no"))
		if len(*said) != 5 {
			t.Error("another check, or another topic, is not said because of the first")
		}
		v.tell(a, "run", OutcomeTimeout, errors.New("no"))
		v.tell(a, "run", OutcomeOK, nil)
		v.tell(a, "run", OutcomeOK, nil)
		v.tell(a, "run", OutcomeError, errors.New("no"))
		if states := (*said)[5:]; len(states) != 3 || states[0].state() != "timeout" || states[1].state() != "ok" || states[2].state() != "error" {
			t.Errorf("said %v", states)
		}
	})
}

func TestACheckThatMovesInItsFileIsStillTheSame(t *testing.T) {
	v, said := newTestVoice(SelfChanges, zap.NewNop())
	v.tell(source{script: "a.lua", check: "x", position: 1}, "run", OutcomeError, errors.New("no"))
	v.tell(source{script: "a.lua", check: "x", position: 2}, "run", OutcomeError, errors.New("no"))
	v.tell(source{script: "a.lua", check: "x", position: 2}, "run", OutcomeOK, nil)
	if len(*said) != 2 || (*said)[1].state() != "ok" {
		t.Errorf("said %v", *said)
	}
}

func TestACheckIsOnlyOKWhenNothingIsWrongWithIt(t *testing.T) {
	v, said := newTestVoice(SelfChanges, zap.NewNop())
	x, y := source{script: "a.lua", check: "x"}, source{script: "a.lua", check: "y"}
	v.tell(x, "run", OutcomeError, errors.New("no"))
	v.tell(y, "run", OutcomeError, errors.New("no"))
	v.tell(x, "schedule", OutcomeSkipped, errors.New("late"))
	v.well(x, "schedule")
	if len(*said) != 3 {
		t.Errorf("said %q while it still fails", (*said)[3].state())
	}
	v.tell(x, "run", OutcomeOK, nil)
	if len(*said) != 4 || (*said)[3].state() != "ok" {
		t.Error("the recovery is not said")
	}
}

func TestARunThatIsCutOffIsSaidAndIsNoFailure(t *testing.T) {
	v, said := newTestVoice(SelfChanges, zap.NewNop())
	v.tell(source{script: "a.lua", check: "x"}, "run", OutcomeCancelled, errStopped)
	if len(*said) != 1 || (*said)[0].state() != "cancelled" || OutcomeCancelled.severity() != "warning" || v.counters[OutcomeCancelled].Load() != 1 {
		t.Errorf("said %v", *said)
	}
}

func TestAMessageOfTheDaemonsOwnConformsWhateverItIsAbout(t *testing.T) {
	for name, c := range map[string]struct {
		source source
		err    error
	}{
		"a name and a text that are not UTF-8":   {source{script: "a\xff.lua", check: "\xfe", position: 1}, errors.New("\xfd")},
		"a comment of two lines":                 {source{script: "a.lua"}, errors.New("one\ntwo")},
		"a long comment, cut within a character": {source{script: "a.lua", check: "x"}, errors.New("x" + strings.Repeat("é", 2000))},
		"no comment":                             {source{script: "a.lua", check: "x"}, nil},
		"a control character":                    {source{script: "a.lua", check: "x\x00\x1b"}, errors.New("\x00\u2028")},
	} {
		v, said := newTestVoice(SelfAll, zap.NewNop())
		v.tell(c.source, "run", OutcomeError, c.err)
		if len(*said) != 1 {
			t.Fatalf("%s: said %v", name, *said)
		}
		m := (*said)[0]
		conforms(t, m)
		if len(m.Event.Comment) > 1010 {
			t.Errorf("%s: a comment of %d bytes", name, len(m.Event.Comment))
		}
	}
}

func TestTheRetryIntervalCountsWhileARunFailsOrItsStateIsNotExpected(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]string{
		"an error":              `error("no")`,
		"nil":                   `return nil`,
		"a dropped message":     `return {x = 0/0}`,
		"a warning":             `return dp.Message{aspect = "x", state = "odd", severity = "warning"}`,
		"an exceeded threshold": `return dp.Message{aspect = "x", values = {v = dp.Value(5):set_above(4, "high", "error")}}`,
		"a dict with a state":   `return {event = {state = {value = "odd", severity = "error"}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := launch(t, Options{Checks: []string{lua(t, "a.lua", `
local n = 0
return {dp.Function{interval = 3600, retry_interval = 0.05, call = function()
  n = n + 1
  if n < 4 then `+bad+` end
  return {good = n}
end, name = "x"}}`)}})
			if m := d.message("the run that goes well", key("good")); m.num("good") != 4 {
				t.Errorf("%s", m.raw)
			}
			d.stop()
			if n := len(d.sent(key("good"))); n != 1 {
				t.Errorf("%d runs at the retry interval after one that went well", n)
			}
		})
	}
}

func TestAnOutcomeThatGoesToAndFroIsNotSaidEachTimeButEndsRight(t *testing.T) {
	for name, last := range map[string]Outcome{"ends well": OutcomeOK, "ends badly": OutcomeError} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v, said := newTestVoice(SelfChanges, zap.NewNop())
				x, y := source{script: "a.lua", check: "x"}, source{script: "a.lua", check: "y"}
				say := func(o Outcome) {
					var err error
					if o != OutcomeOK {
						err = errors.New("no")
					}
					v.tell(x, "run", o, err)
					time.Sleep(time.Second)
				}
				for i := range 300 {
					say([]Outcome{OutcomeError, OutcomeOK}[i%2])
				}
				if n := len(*said); n > 5*maxChanges || n < 4*maxChanges {
					t.Errorf("%d messages in five minutes of going to and fro", n)
				}
				for range 120 {
					say(last)
				}
				if got := (*said)[len(*said)-1].state(); got != string(last) {
					t.Errorf("the last that was said is %s", got)
				}
				n := len(*said)
				v.tell(y, "run", OutcomeError, errors.New("no"))
				if len(*said) != n+1 {
					t.Error("another check is not heard")
				}
			})
		})
	}
}

func TestWhatIsOnlyWarnedOfIsLoggedWithTheCheckAndBounded(t *testing.T) {
	t.Parallel()
	path := lua(t, "a.lua", `
local perf = {}
for i = 1, 30 do perf[i] = "label" .. i .. "=nonsense" end
return {dp.Nagios{name = "x", aspect = "plugin", interval = 3600, command = {"echo", "OK | good=5 " .. table.concat(perf, " ")}}}`)
	d := launch(t, Options{Checks: []string{path}})
	if m := d.message("the message", aspect("plugin")); m.Event.Vset["good"].Value == nil {
		t.Errorf("%s", m.raw)
	}
	d.stop()
	warnings := d.logs.Filter(func(l logEntry) bool { return l.Level == zap.WarnLevel }).All()
	if len(warnings) != maxReported+1 || !strings.Contains(warnings[0].Message, "label1=nonsense") || warnings[maxReported].Message != "10 more warnings of this run" {
		t.Errorf("%d warnings, the first is %q", len(warnings), warnings[0].Message)
	}
	for _, l := range warnings {
		if fields := l.ContextMap(); fields["script"] != path || fields["check"] != "x" || fields["position"] != int64(1) {
			t.Errorf("fields %v", fields)
		}
	}
	if n := len(d.sent(aspect(selfAspect))); n > 0 {
		t.Error("it was reported as a failure")
	}
}

func TestTheLogLinesAboutABatchOfBadRecordsAreBounded(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", `
return {dp.ShellStream{name = "x", command = "for i in $(seq 100); do echo bad $i; done; echo '{\"good\": 1}'; exec sleep 3600"}}`)}})
	d.message("the good line", key("good"))
	d.stop()
	lines := d.logs.Filter(func(l logEntry) bool { return l.Level == zap.ErrorLevel }).All()
	batches := len(d.logs.Filter(told("x", OutcomeDropped)).All()) // of what had arrived together
	if len(lines) > batches*(maxReported+1) && batches < 50 {
		t.Errorf("%d log lines about %d batches", len(lines), batches)
	}
}

func TestTheLatenessOfRunsIsRightToAnEighth(t *testing.T) {
	var l lateness
	if l.quantile(0.5) != 0 {
		t.Error("a quantile of nothing")
	}
	for i := 1; i <= 1000; i++ {
		l.add(time.Duration(i) * 100 * time.Microsecond)
	}
	for q, want := range map[float64]time.Duration{0.5: 50 * time.Millisecond, 0.99: 99 * time.Millisecond, 1: 100 * time.Millisecond} {
		if got := l.quantile(q); got < want*99/100 || got > want*101/100 { // they are spread evenly in their bucket
			t.Errorf("quantile %g is %s, want %s", q, got, want)
		}
	}
	for us := int64(0); us < 1<<20; us = us*9/8 + 1 {
		bound := latenessBound(latenessBucket(us))
		if d := time.Duration(us) * time.Microsecond; bound <= d || bound > d*9/8+time.Microsecond {
			t.Errorf("%s is counted as up to %s", d, bound)
		}
	}
	l.add(-time.Second) // a run that started early, by a clock that was set
	l.add(1000 * time.Hour)
	if got := l.quantile(1); got != 1000*time.Hour {
		t.Errorf("the largest is %s", got)
	}
}
