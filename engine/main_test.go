package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"dumbprobe/internal/output"
)

func TestMain(m *testing.M) {
	// These tests wait much more than they compute: more of them at once than there are cores.
	flag.Parse()
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = parallel.Value.Set(strconv.Itoa(4 * runtime.GOMAXPROCS(0)))
	}
	goleak.VerifyTestMain(m)
}

// patience bounds every wait of these tests. It is spent only by a test that fails.
const patience = 20 * time.Second

// holdVM is what a script logs to be stuck: the log call keeps the VM until the daemon's release.
const holdVM = "hold the VM"

// daemon is an engine under test, with what it sends and logs.
type daemon struct {
	*Engine
	t       *testing.T
	out     *recorder
	logs    *observer.ObservedLogs
	news    *pulse        // beats with each line that is sent or logged
	release chan struct{} // closed: lets go of a VM that is held by holdVM

	once   sync.Once
	cancel context.CancelFunc
	ended  chan struct{} // closed when Run has returned
	err    error         // what it returned
}

// prepare makes an engine that does not run yet. adjust may change what has no option.
func prepare(t *testing.T, o Options, adjust ...func(*Engine)) *daemon {
	t.Helper()
	news := newPulse()
	d := &daemon{t: t, out: &recorder{news: news}, news: news, release: make(chan struct{}), ended: make(chan struct{})}
	core, logs := observer.New(zapcore.DebugLevel)
	d.logs = logs
	o.Logger = zap.New(core, zap.Hooks(func(e zapcore.Entry) error {
		d.news.beat()
		if e.Message == holdVM {
			<-d.release
		}
		return nil
	}))
	if o.Stdout == nil {
		o.Stdout = d.out
	}
	if o.Grace == 0 {
		o.Grace = patience
	}
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range adjust {
		f(e)
	}
	d.Engine = e
	t.Cleanup(func() {
		d.letGo()
		e.Close()
		if t.Failed() {
			d.dump()
		}
	})
	return d
}

// script is the one of an engine that does not run, ready to start.
func (d *daemon) script() *script {
	d.t.Helper()
	s, err := d.load(d.t.Context(), d.options.Checks[0])
	if err == nil {
		d.t.Cleanup(func() { s.close(patience) })
		err = s.adopt(map[string]string{})
	}
	if err != nil {
		d.t.Fatal(err)
	}
	return s
}

// launch makes an engine and runs it until the test ends, or stop.
func launch(t *testing.T, o Options, adjust ...func(*Engine)) *daemon {
	t.Helper()
	d := prepare(t, o, adjust...)
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel = cancel
	go func() {
		defer close(d.ended)
		d.err = d.Run(ctx)
	}()
	t.Cleanup(func() { d.stop() })
	d.log("the start", func(l observer.LoggedEntry) bool { return l.Message == "running" })
	return d
}

// stop ends Run, which must give no error, and tells how long that took.
func (d *daemon) stop() time.Duration {
	d.t.Helper()
	start := time.Now()
	d.cancel()
	select {
	case <-d.ended:
		if d.err != nil {
			d.t.Errorf("Run returned %v", d.err)
		}
	case <-time.After(patience + 10*time.Second):
		d.letGo()
		d.t.Error("Run did not return")
	}
	return time.Since(start)
}

// letGo ends the hold on the VMs of scripts that have logged holdVM.
func (d *daemon) letGo() { d.once.Do(func() { close(d.release) }) }

func (d *daemon) dump() {
	for _, l := range d.logs.All() {
		d.t.Logf("log %s %s %v", l.Level, l.Message, l.ContextMap())
	}
	for _, m := range d.out.all() {
		d.t.Logf("out %s", m.raw)
	}
}

// message waits for a message, also one sent before, that is as wanted.
func (d *daemon) message(what string, want func(msg) bool) msg {
	d.t.Helper()
	var found msg
	d.until("message: "+what, func() bool {
		all := d.out.all()
		i := slices.IndexFunc(all, want)
		if i >= 0 {
			found = all[i]
		}
		return i >= 0
	})
	return found
}

// messages waits until there are n messages as wanted, and returns all that there are then.
func (d *daemon) messages(n int, what string, want func(msg) bool) []msg {
	d.t.Helper()
	var found []msg
	d.until(fmt.Sprintf("%d messages: %s", n, what), func() bool {
		found = d.sent(want)
		return len(found) >= n
	})
	return found
}

// sent are the messages as wanted so far.
func (d *daemon) sent(want func(msg) bool) []msg {
	return slices.DeleteFunc(d.out.all(), func(m msg) bool { return !want(m) })
}

// log waits for a log line.
func (d *daemon) log(what string, want func(observer.LoggedEntry) bool) observer.LoggedEntry {
	d.t.Helper()
	return d.logged(1, what, want)[0]
}

// logged waits for n log lines, and returns all that there are then.
func (d *daemon) logged(n int, what string, want func(observer.LoggedEntry) bool) []observer.LoggedEntry {
	d.t.Helper()
	var found []observer.LoggedEntry
	d.until(fmt.Sprintf("%d log lines: %s", n, what), func() bool {
		found = d.logs.Filter(want).All()
		return len(found) >= n
	})
	return found
}

// until waits until something sent or logged makes cond true.
func (d *daemon) until(what string, cond func() bool) {
	d.t.Helper()
	limit := time.After(patience)
	for {
		next := d.news.next()
		if cond() {
			return
		}
		select {
		case <-next:
		case <-limit:
			d.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// count is how often an outcome was counted.
func (d *daemon) count(o Outcome) uint64 { return d.voice.counters[o].Load() }

// task is the running task of a name.
func (d *daemon) task(name string) task {
	d.t.Helper()
	for _, s := range d.running() {
		for _, t := range s.tasks {
			if t.title() == name {
				return t
			}
		}
	}
	d.t.Fatalf("no task %q", name)
	return nil
}

// reload reloads, and fails the test if that fails.
func (d *daemon) reload() {
	d.t.Helper()
	if err := d.Reload(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
}

// lua writes a script into a fresh folder and returns its path.
func lua(t *testing.T, name, source string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	write(t, path, source)
	return path
}

// write writes a script, which gets dp for free.
func write(t *testing.T, path, source string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("local dp = require \"dumbprobe\"; "+source), 0o644); err != nil {
		t.Fatal(err)
	}
}

// fifo makes a FIFO: a command or a script that opens it waits for the test, and the other way round.
func fifo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// readFIFO returns what one writer wrote.
func readFIFO(t *testing.T, path string) string {
	t.Helper()
	got := make(chan string, 1)
	go func() {
		b, err := os.ReadFile(path)
		if err != nil {
			b = []byte(err.Error())
		}
		got <- strings.TrimSpace(string(b))
	}()
	select {
	case s := <-got:
		return s
	case <-time.After(patience):
		t.Fatalf("nobody wrote to %s", path)
		return ""
	}
}

// feed writes one line into a FIFO that somebody reads.
func feed(t *testing.T, path, line string) {
	t.Helper()
	fed := make(chan error, 1)
	go func() { fed <- os.WriteFile(path, []byte(line+"\n"), 0) }()
	select {
	case err := <-fed:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatalf("nobody reads %s", path)
	}
}

// alive tells whether a process exists.
func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// recorder is a destination's stdout, line by line.
type recorder struct {
	news *pulse

	mu   sync.Mutex // protects following fields
	part []byte
	msgs []msg
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	r.part = append(r.part, p...)
	for {
		line, rest, whole := bytes.Cut(r.part, []byte("\n"))
		if !whole {
			break
		}
		r.msgs = append(r.msgs, parseMsg(line))
		r.part = rest
	}
	r.mu.Unlock()
	r.news.beat()
	return len(p), nil
}

func (r *recorder) all() []msg {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.msgs)
}

// msg is a line that was sent.
type msg struct {
	raw  string
	at   time.Time // when it came out
	keys map[string]any
	// What the schema says of it; the zero value for a dict message.
	V        int
	Time     float64
	Location map[string]string
	Event    struct {
		Name    string
		Comment string
		State   *struct{ Value, Severity string }
		Vset    map[string]struct{ Value *float64 }
	}
}

func parseMsg(line []byte) msg {
	m := msg{raw: string(line), at: time.Now()}
	_ = json.Unmarshal(line, &m.keys)
	_ = json.Unmarshal(line, &m)
	return m
}

// num is a key of a dict message.
func (m msg) num(key string) float64 {
	f, _ := m.keys[key].(float64)
	return f
}

func (m msg) has(key string) bool { return m.keys[key] != nil }

// value is the value of a message, NaN-free: 0 if there is none.
func (m msg) value() float64 {
	if v := m.Event.Vset["value"].Value; v != nil {
		return *v
	}
	return 0
}

func (m msg) state() string {
	if m.Event.State == nil {
		return ""
	}
	return m.Event.State.Value
}

// key wants a dict message with a key.
func key(name string) func(msg) bool { return func(m msg) bool { return m.has(name) } }

// aspect wants a message of an aspect.
func aspect(name string) func(msg) bool { return func(m msg) bool { return m.Event.Name == name } }

// self wants messages of the daemon's own about a check; "" for any outcome.
func self(check string, o Outcome) func(msg) bool {
	return func(m msg) bool {
		return m.Event.Name == selfAspect && m.Location["check"] == check && (o == "" || m.state() == string(o))
	}
}

// told wants log lines about an outcome of a check; "" for any outcome.
func told(check string, o Outcome) func(observer.LoggedEntry) bool {
	return func(l observer.LoggedEntry) bool {
		fields := l.ContextMap()
		got, isOutcome := fields["outcome"].(string)
		name, _ := fields["check"].(string)
		return isOutcome && name == check && (o == "" || got == string(o))
	}
}

// says wants log lines of a text.
func says(text string) func(observer.LoggedEntry) bool {
	return func(l observer.LoggedEntry) bool { return strings.Contains(l.Message, text) }
}

type logEntry = observer.LoggedEntry

// pulse wakes all that wait for the next beat.
type pulse struct {
	mu sync.Mutex
	ch chan struct{}
}

func newPulse() *pulse { return &pulse{ch: make(chan struct{})} }

func (p *pulse) next() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ch
}

func (p *pulse) beat() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.ch)
	p.ch = make(chan struct{})
}

func address(t *testing.T, s string) output.Address {
	t.Helper()
	a, err := output.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
