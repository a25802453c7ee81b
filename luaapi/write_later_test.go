package luaapi

import (
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
	"go.uber.org/zap"

	"dumbprobe/internal/message"
)

// Only what the script cannot change any more is left: the VM is somebody else's when it is written.
func TestWhatIsLeftToBeWrittenLaterIsAsItWasFound(t *testing.T) {
	t.Parallel()
	const first = `{"v":3,"time":1,"location":{"host":"a"},"event":{"name":"x","vset":{"free":{"value":1},"used":{"value":2}}}}`
	for name, test := range map[string]struct {
		message, then string
		left          bool
		line          string
	}{
		"a message":                  {`{aspect = "x", time = 1, location = {host = "a"}, values = {free = 1, used = 2}}`, ``, true, first},
		"its fields are set later":   {`{aspect = "x", time = 1, location = {host = "a"}, values = {free = 1, used = 2}}`, `m.aspect = "y" m.time = 2 m.comment = "c" m.state = "bad"`, true, first},
		"its values are":             {`{aspect = "x", time = 1, location = {host = "a"}, values = {free = 1, used = 2}}`, `m:set("free", 9) m.values.used = nil m.values.more = 3`, true, first},
		"its location is":            {`{aspect = "x", time = 1, location = {host = "a"}, values = {free = 1, used = 2}}`, `m.location.host = "z" m.location.port = "1" m.location = {}`, true, first},
		"its one value is":           {`{aspect = "x", time = 1, value = 5}`, `m.value = 6`, true, `{"v":3,"time":1,"location":{},"event":{"name":"x","vset":{"value":{"value":5}}}}`},
		"one with a state alone":     {`{aspect = "x", time = 1, state = "bad", severity = "error"}`, ``, true, `{"v":3,"time":1,"location":{},"event":{"name":"x","state":{"value":"bad","severity":"error"}}}`},
		"a Value, which can be set":  {`{aspect = "x", time = 1, value = dp.Value(5)}`, `m.value.value = 6`, false, `{"v":3,"time":1,"location":{},"event":{"name":"x","vset":{"value":{"value":5}}}}`},
		"null":                       {`{aspect = "x", time = 1, value = dp.null}`, ``, false, `{"v":3,"time":1,"location":{},"event":{"name":"x","vset":{"value":{"value":null}}}}`},
		"what is no value":           {`{aspect = "x", time = 1, values = {a = 1}}, function() m.values.a = {} end`, ``, false, ``},
		"one with a long state":      {`{aspect = "x", time = 1, state = ("s"):rep(5000)}`, ``, false, `{"v":3,"time":1,"location":{},"event":{"name":"x","state":{"value":"` + strings.Repeat("s", 5000) + `"}}}`},
		"one found with state kept":  {`{aspect = "x", time = 1, value = dp.state:incr("n")}`, ``, false, `{"v":3,"time":1,"location":{},"event":{"name":"x","vset":{"value":{"value":1}}}}`},
		"one that takes much memory": {`{aspect = "x", time = 1, state = "bad", comment = ("c"):rep(5000)}`, ``, false, `{"v":3,"time":1,"location":{},"event":{"name":"x","state":{"value":"bad"},"comment":"` + strings.Repeat("c", 5000) + `"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := loadScript(t, `local dp = require "dumbprobe"
				local function make(fields, spoil) m = dp.Message(fields) if spoil then spoil() end return m end
				return {
					dp.Function{interval = 1, call = function() return make(`+test.message+`) end},
					dp.Function{interval = 1, call = function() `+test.then+` return {} end},
				}`)
			o := s.wait(s.start(1, RunOptions{Timeout: longTime, WriteLater: true}))
			if left := len(o.batch.Lines)+len(o.batch.Problems) == 0; left != test.left {
				t.Errorf("left: %v", left)
			}
			if o.batch.Bytes() == 0 && test.line != "" {
				t.Error("it takes nothing")
			}
			s.mustRun(2)
			if err := o.batch.Write(nil); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(o.lines(), "\n"); got != test.line {
				t.Errorf("written is %s", got)
			}
			if err := o.batch.Write(nil); err != nil || len(o.batch.Lines)+len(o.batch.Problems) != 1 {
				t.Errorf("written again: %d lines, %v", len(o.batch.Lines), err)
			}
		})
	}
}

func TestTheSeverityOfWhatIsWrittenLaterIsNoted(t *testing.T) {
	t.Parallel()
	s := loadScript(t, checkOf(`return dp.Message{aspect = "x", state = "bad", severity = "error"}`))
	o := s.wait(s.start(1, RunOptions{Timeout: longTime, WriteLater: true}))
	if err := o.batch.Write(nil); err != nil || o.batch.Worst != message.Error {
		t.Errorf("%q, %v", o.batch.Worst, err)
	}
	room := o.batch.Lines
	if o.batch.Reset(); o.batch.Worst != "" || o.batch.Bytes() != 0 || len(o.batch.Lines) != 0 {
		t.Errorf("after the reset: %+v", o.batch)
	}
	if cap(o.batch.Lines) == 0 || room[0] != nil {
		t.Errorf("the room is %d, with %q", cap(o.batch.Lines), room[0])
	}
}

func TestAPanicInWhatIsWrittenLaterFailsTheRun(t *testing.T) {
	t.Parallel()
	s := loadScript(t, checkOf(`return {}`))
	b := Batch{limit: 1000}
	b.draft.read("x", (*lua.LUserData)(nil))
	err := b.Write(func() *zap.Logger { return s.log })
	if err == nil || !strings.Contains(err.Error(), "internal error") || !s.logged("please report this") {
		t.Errorf("the error is %v", err)
	}
}

// What waits to be written is bounded by what it is said to take.
func TestADraftIsSaidToTakeWhatItTakes(t *testing.T) {
	t.Parallel()
	const many = 10_000
	long := strings.Repeat("x", many)
	for name, test := range map[string]struct {
		draft draft
		want  int
	}{
		"aspect":   {draft{plainFields: plainFields{aspect: long}}, many},
		"state":    {draft{plainFields: plainFields{state: long}}, many},
		"severity": {draft{plainFields: plainFields{severity: long}}, many},
		"comment":  {draft{plainFields: plainFields{comment: long}}, many},
		"the state where no threshold is exceeded": {draft{plainFields: plainFields{thresholdKept: long}}, many},
		"location": {draft{location: []locationKey{{long, long}, {}}}, 2*many + 2*32},
		"values":   {draft{values: []reading{{name: long}, {}}}, many + 2*40},
	} {
		if got := test.draft.size(); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

func TestARunOfManyValuesLeavesNoLargeRoom(t *testing.T) {
	t.Parallel()
	var b Batch
	for i := range 10_000 {
		b.draft.values = append(b.draft.values, reading{name: "x", item: lua.LNil})
		b.draft.location = append(b.draft.location, locationKey{"x", "y"})
		if b.Lines = append(b.Lines, []byte("{}")); i == 9 {
			values, keys := b.draft.values, b.draft.location
			b.Reset()
			if cap(b.draft.values) == 0 || values[0].item != nil || keys[9].name != "" {
				t.Errorf("the usual room: %d, with %v", cap(b.draft.values), values[0])
			}
		}
	}
	b.Reset()
	if cap(b.draft.values)+cap(b.draft.location)+cap(b.Lines) > 0 {
		t.Errorf("the room is %d, %d and %d", cap(b.draft.values), cap(b.draft.location), cap(b.Lines))
	}
}
