package engine

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"dumbprobe/internal/loglimit"
	"dumbprobe/internal/message"
	"dumbprobe/luaapi"
)

// source is whom something happened to.
type source struct {
	script   string
	check    string // name of the check or handle; "": the script as a whole
	position int    // in CHECKS; 0: none

	lines *loglimit.Limit // of what has no interval, and may go wrong as often as it likes; nil: none

	// Instead of the others:
	destination string // of messages
	state       string // the folder of what checks keep
}

func (s source) fields() []zap.Field {
	if s.destination != "" {
		return []zap.Field{zap.String("destination", s.destination)}
	}
	if s.state != "" {
		return []zap.Field{zap.String("state", s.state)}
	}
	fields := []zap.Field{zap.String("script", s.script)}
	if s.check != "" {
		fields = append(fields, zap.String("check", s.check))
	}
	if s.position > 0 {
		fields = append(fields, zap.Int("position", s.position))
	}
	return fields
}

// voice is the daemon's own voice: it counts and logs every outcome, and sends the messages of the daemon's
// own about those that change.
type voice struct {
	mode     SelfMessages
	logger   *zap.Logger
	hostname func() string
	send     func(line []byte)

	counters map[Outcome]*atomic.Uint64 // all outcomes; the map itself never changes
	lines    atomic.Uint64              // messages of checks and handles that were sent
	dropped  atomic.Uint64              // messages and records of them that could not be written

	mu      sync.Mutex // protects following field
	said    map[topic]saying
	changes map[topic]changes // by check: about is empty
	failing atomic.Int64      // len(said), to be looked at without the lock: it is 0 as a rule
}

// topic is what outcomes follow one another on: the runs of a check, and apart from them its schedule. A
// check that moves in its file is still the same.
type topic struct{ script, check, about string }

func (s source) topic(about string) topic {
	return topic{s.script + s.destination + s.state, s.check, about}
}

// abouts are all that a topic can be about.
var abouts = []string{"run", "schedule", "next_run", "handle", "records", "load", "memory", "state"}

type saying struct {
	outcome Outcome
	at      time.Time // when a message was sent last
}

// selfInterval is the shortest time between two messages of the daemon's own that say the same.
const selfInterval = time.Minute

// selfAspect is the aspect of all messages of the daemon's own about checks. Receivers rely on it.
const selfAspect = "dumbprobe check"

func newVoice(mode SelfMessages, logger *zap.Logger, hostname func() string, send func([]byte)) *voice {
	v := &voice{
		mode: mode, logger: logger, hostname: hostname, send: send,
		counters: map[Outcome]*atomic.Uint64{}, said: map[topic]saying{}, changes: map[topic]changes{},
	}
	for o := range outcomes {
		v.counters[o] = new(atomic.Uint64)
	}
	return v
}

// tell reports an outcome. err may be nil; it is what the log line and the comment say.
func (v *voice) tell(s source, about string, o Outcome, err error, more ...zap.Field) {
	v.counters[o].Add(1)
	if o == OutcomeOK && (v.failing.Load() == 0 || !v.failedBefore(s, about)) {
		return // the usual case: nothing to say
	}
	v.report(s, about, o, err, more...)
}

// well reports that what went wrong before is right again. It counts nothing: it is no run.
func (v *voice) well(s source, about string) {
	if v.failing.Load() > 0 && v.failedBefore(s, about) {
		v.report(s, about, OutcomeOK, nil)
	}
}

func (v *voice) report(s source, about string, o Outcome, err error, more ...zap.Field) {
	if level := o.level(); o != OutcomeOK || v.logger.Core().Enabled(level) {
		fields := append(append(s.fields(), zap.String("outcome", string(o))), append(more, detail(err)...)...)
		s.lines.Log(v.logger, level, logLine(o, err), fields...)
	}
	if !v.worthSaying(s.topic(about), o) {
		return
	}
	v.say(s, o, err)
}

func logLine(o Outcome, err error) string {
	if err != nil {
		return err.Error()
	}
	switch o {
	case OutcomeOK:
		return "the check works again"
	case OutcomeEOF:
		return "the handle came to its end"
	}
	return string(o)
}

// detail is what an error knows beside its text.
func detail(err error) []zap.Field {
	var script *luaapi.ScriptError
	if errors.As(err, &script) && script.Traceback != "" {
		return []zap.Field{zap.String("traceback", script.Traceback)}
	}
	return nil
}

// failedBefore tells whether the last thing said on the topic was that something is wrong.
func (v *voice) failedBefore(s source, about string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	last, ok := v.said[s.topic(about)]
	return ok && last.outcome != OutcomeOK
}

// worthSaying decides about the message, and remembers it. What is well is only said after it was not, and
// when nothing else is wrong with the check: who receives the messages sees one state for all its topics.
func (v *voice) worthSaying(t topic, o Outcome) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	defer func() { v.failing.Store(int64(len(v.said))) }()
	last, known := v.said[t]
	now := time.Now()
	if o == OutcomeOK {
		if !known {
			return false
		}
		delete(v.said, t)
		if v.mode == SelfOff || v.wrong(t) {
			return false
		}
		if !v.mayChange(t, now, maxChanges-1) { // the last that is said must not be ok when it is not
			v.said[t] = last // it is said at a later run, if it is still so
			return false
		}
		return true
	}
	if known && last.outcome == o && v.mode == SelfChanges && now.Sub(last.at) < selfInterval {
		return false
	}
	if v.mode != SelfOff && !v.mayChange(t, now, maxChanges) {
		v.said[t] = saying{at: last.at} // likewise
		return false
	}
	v.said[t] = saying{outcome: o, at: now}
	return v.mode != SelfOff
}

// changes counts the messages about a check in the present minute: one whose outcome goes to and fro, as a
// stream's that ends at once and is reopened, is not to flood those who receive them.
type changes struct {
	since time.Time
	n     int
}

// maxChanges is how many changes of a check's outcome are sent in a minute.
const maxChanges = 6

// mayChange tells whether one more change may be sent. The caller holds mu.
func (v *voice) mayChange(t topic, now time.Time, most int) bool {
	if v.mode == SelfAll {
		return true
	}
	t.about = ""
	c := v.changes[t]
	if now.Sub(c.since) >= selfInterval {
		c = changes{since: now}
	}
	if c.n >= most {
		return false
	}
	c.n++
	v.changes[t] = c
	return true
}

// wrong tells whether something is wrong on any topic of a check. The caller holds mu.
func (v *voice) wrong(t topic) bool {
	return slices.ContainsFunc(abouts, func(about string) bool {
		t.about = about
		_, known := v.said[t]
		return known
	})
}

// forget drops what is known of checks that are gone.
func (v *voice) forget(gone func(topic) bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for t := range v.said {
		if gone(t) {
			delete(v.said, t)
		}
	}
	for t := range v.changes {
		if gone(t) {
			delete(v.changes, t)
		}
	}
	v.failing.Store(int64(len(v.said)))
}

func (v *voice) say(s source, o Outcome, err error) {
	location := map[string]string{"host": v.hostname(), "script": s.script}
	if s.check != "" {
		location["check"] = s.check
	}
	if s.destination != "" {
		location = map[string]string{"host": v.hostname(), "destination": s.destination}
	}
	if s.state != "" {
		location = map[string]string{"host": v.hostname(), "state": s.state}
	}
	m := message.Message{
		Time: float64(time.Now().UnixMicro()) / 1e6, Location: location,
		Aspect: selfAspect, State: string(o), Severity: o.severity(),
	}
	if err != nil {
		m.Comment = strings.ToValidUTF8(shorten(err.Error(), 1000), "\uFFFD")
	}
	for key, value := range location {
		location[key] = strings.ToValidUTF8(value, "\uFFFD")
	}
	line, appendErr := m.Append(nil)
	if appendErr != nil {
		v.logger.Error("a message of the daemon's own could not be written; please report this as a bug of dumbprobe", zap.Error(appendErr))
		return
	}
	v.send(line)
}

func shorten(s string, n int) string {
	if len(s) > n {
		return s[:n] + "..."
	}
	return s
}
