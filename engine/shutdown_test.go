package engine

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"dumbprobe/internal/output"

	"go.uber.org/zap/zaptest/observer"
)

// serveLines takes one connection and gives its lines when it ends.
func serveLines(listener net.Listener) <-chan []string {
	got := make(chan []string, 1)
	go func() {
		var lines []string
		defer func() { got <- lines }()
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		for s := bufio.NewScanner(conn); s.Scan(); {
			lines = append(lines, s.Text())
		}
	}()
	return got
}

func TestARunningCheckGetsItsGraceAndItsMessageIsSent(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]string{
		"that sleeps":         `dp.sleep(0.4)`,
		"that runs a command": `dp.command("sleep 0.4")`,
		"that computes":       `local e = dp.time() + 0.4; while dp.time() < e do end`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := launch(t, Options{Checks: []string{lua(t, "a.lua", `
return {
  dp.Function{call = function() dp.log.info("began"); `+wait+`; return {last = 1} end, interval = 0.01},
}`)}})
			d.log("the run", says("began"))
			took := d.stop()
			if n := len(d.sent(key("last"))); n != 1 {
				t.Errorf("%d messages, want that of the run", n)
			}
			if n := len(d.logs.Filter(says("began")).All()); n != 1 {
				t.Errorf("%d runs: another one was started", n)
			}
			if took > 10*time.Second {
				t.Errorf("the stop took %s, and waited for the grace", took)
			}
		})
	}
}

func TestARunThatOutlivesTheGraceIsCancelledAndItsCommandKilled(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, check string
		most        time.Duration // for the stop
	}{
		{"a shell command", `dp.ShellCommand{command = "echo $$ > %s; exec sleep 3600", interval = 3600, timeout = 3600, name = "x"}`, 3 * time.Second},
		{"a command of a function", `dp.Function{call = function() return dp.command("echo $$ > %s; exec sleep 3600") end, interval = 3600, timeout = 3600, name = "x"}`, 3 * time.Second},
		{"a command that ignores TERM", `dp.ShellCommand{command = "trap '' TERM; echo $$ > %s; while :; do sleep 0.1; done", interval = 3600, timeout = 3600, name = "x"}`, 6 * time.Second},
		{"io.popen", `dp.Function{call = function() return {s = io.popen("echo $$ > %s; exec sleep 3600"):read("*a")} end, interval = 3600, timeout = 3600, name = "x"}`, 3 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			pidFile := fifo(t)
			d := launch(t, Options{Grace: 200 * time.Millisecond, Checks: []string{lua(t, "a.lua", "return {"+fmt.Sprintf(c.check, pidFile)+"}")}})
			pid, err := strconv.Atoi(readFIFO(t, pidFile))
			if err != nil {
				t.Fatal(err)
			}
			if took := d.stop(); took < 200*time.Millisecond || took > c.most {
				t.Errorf("the stop took %s", took)
			}
			if alive(pid) {
				t.Error("the command is still there")
			}
			if n := d.count(OutcomeCancelled); n != 1 {
				t.Errorf("%d runs were counted as cancelled", n)
			}
			if lines := d.logs.Filter(told("x", OutcomeCancelled)).All(); len(lines) != 1 {
				t.Errorf("%d log lines", len(lines))
			}
			for _, m := range d.sent(aspect(selfAspect)) {
				if m.Event.State.Severity != "warning" {
					t.Errorf("it was reported as a failure: %s", m.raw)
				}
			}
		})
	}
}

func TestALoopThatOutlivesTheGraceIsInterrupted(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{Grace: 200 * time.Millisecond, Checks: []string{lua(t, "a.lua", `
return {
  dp.Function{call = function() dp.log.info("began"); while true do end end, interval = 3600, timeout = 3600},
  dp.Function{call = function() return {behind = 1} end, interval = 3600, timeout = 3600},
}`)}})
	d.log("the run", says("began"))
	if took := d.stop(); took > 2*time.Second {
		t.Errorf("the stop took %s", took)
	}
	if n := d.count(OutcomeCancelled); n < 1 || n > 2 {
		t.Errorf("%d runs were cancelled", n)
	}
}

func TestTheStopDoesNotWaitForAStuckVM(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{Grace: 100 * time.Millisecond, Checks: []string{
		lua(t, "a.lua", `return {dp.Function{call = function() dp.log.info("`+holdVM+`"); return {} end, interval = 3600, timeout = 3600}}`),
		lua(t, "b.lua", `return {dp.Function{call = function() dp.log.info("began"); dp.sleep(0.05); return {n = 1} end, interval = 3600}}`),
	}}, soon)
	d.log("the hold", says(holdVM))
	d.log("the other", says("began"))
	if took := d.stop(); took > 3*time.Second {
		t.Errorf("the stop took %s", took)
	}
	d.log("that it is left behind", says("left behind"))
	if len(d.sent(key("n"))) != 1 {
		t.Error("the other file's message is missing")
	}
}

func TestTheStopFlushesTheDestinations(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	d := launch(t, Options{
		Checks: []string{lua(t, "a.lua", `
return {dp.Function{interval = 3600, call = function()
  dp.log.info("began")
  local list = {}
  for i = 1, 3000 do list[i] = {n = i} end
  dp.sleep(0.3)
  return list
end}}`)},
		Destinations: []output.Address{address(t, "tcp:"+listener.Addr().String())},
	})
	d.log("the run", says("began"))
	got := serveLines(listener)
	d.stop()
	if lines := <-got; len(lines) != 3000 {
		t.Errorf("%d lines, want 3000", len(lines))
	}
}

// blocked is a stdout that takes nothing.
type blocked struct {
	once  sync.Once
	began chan struct{}
	until chan struct{}
}

func newBlocked(t *testing.T) *blocked {
	b := &blocked{began: make(chan struct{}), until: make(chan struct{})}
	t.Cleanup(func() { close(b.until) })
	return b
}

func (b *blocked) Write(p []byte) (int, error) {
	b.once.Do(func() { close(b.began) })
	<-b.until
	return len(p), nil
}

func TestADestinationThatTakesNothingHoldsUpTheStopOnlyForSoLong(t *testing.T) {
	t.Parallel()
	const check = `return {dp.Function{interval = 0.01, call = function() return {n = 1} end}}`
	for name, o := range map[string]func(t *testing.T) Options{
		"a stdout that blocks": func(t *testing.T) Options { return Options{Stdout: newBlocked(t)} },
		"a peer that is away": func(t *testing.T) Options {
			return Options{Destinations: []output.Address{address(t, "unix:"+t.TempDir()+"/nobody")}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := o(t)
			options.Checks = []string{lua(t, "a.lua", check)}
			d := launch(t, options, func(e *Engine) { e.flushTime = 300 * time.Millisecond })
			d.until("a message", func() bool { d.news.beat(); return d.voice.lines.Load() > 3 })
			took := d.stop()
			if took < 300*time.Millisecond || took > 4*time.Second {
				t.Errorf("the stop took %s", took)
			}
			l := d.log("what is lost", says("messages are lost"))
			if !strings.Contains(l.Message, "lines for ") || l.Level.String() != "error" {
				t.Errorf("logged %q", l.Message)
			}
		})
	}
}

func TestTheStopIsQuickWhenNothingRuns(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", `return {
  dp.Function{interval = 3600, first = "interval", call = function() return {} end},
  dp.ShellStream{command = "true", reopen = 3600, name = "x"},
}`), lua(t, "b.lua", `return {run_next = function() dp.sleep(3600) end}`)}})
	d.message("the stream's end", self("x", OutcomeEOF))
	if took := d.stop(); took > 2*time.Second {
		t.Errorf("the stop took %s", took)
	}
	var order []string
	for _, l := range d.logs.All() {
		if l.Message == "running" || l.Message == "stopping" {
			order = append(order, l.Message)
		}
	}
	if strings.Join(order, ",") != "running,stopping" {
		t.Errorf("logged %v", order)
	}
}

func TestAStopWhileAScriptLoads(t *testing.T) {
	t.Parallel()
	path := lua(t, "a.lua", `return {dp.Function{interval = 0.05, call = function() return {n = 1} end}}`)
	d := launch(t, Options{Checks: []string{lua(t, "first.lua", "return {}"), path}, LoadTimeout: time.Hour})
	d.message("a run", key("n"))
	write(t, path, `dp.log.info("loading"); dp.sleep(3600); return {}`)
	reloaded := make(chan error, 1)
	go func() { reloaded <- d.Reload(t.Context()) }()
	d.log("the load", says("loading"))
	if took := d.stop(); took > 5*time.Second {
		t.Errorf("the stop took %s", took)
	}
	if err := <-reloaded; err != nil {
		t.Errorf("the reload gave %v", err)
	}
	if n := d.count(OutcomeLoadFailed); n > 0 {
		t.Error("the stop was reported as a failure to load")
	}
}

func TestMessagesThatAreLostForADestinationAreReportedOnTheOthers(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	one, two := "unix:"+folder+"/one", "unix:"+folder+"/two"
	d := launch(t, Options{
		SpoolBytes:   2000, // of the others: they keep the last few messages
		Destinations: []output.Address{address(t, one), address(t, "stdout"), address(t, two)},
		Checks: []string{lua(t, "a.lua", `
return {dp.Function{interval = 0.05, call = function() return {text = ("x"):rep(500)} end}}`)},
	}, func(e *Engine) { e.flushTime = 100 * time.Millisecond })
	for _, name := range []string{one, two} {
		m := d.message("the report on "+name, func(m msg) bool { return m.Event.Name == selfAspect && m.Location["destination"] == name })
		if m.state() != string(OutcomeDropped) || m.Event.State.Severity != "error" || m.Location["host"] != hostname() || len(m.Location) != 2 ||
			!strings.Contains(m.Event.Comment, "messages for "+name+" were dropped") {
			t.Errorf("%s", m.raw)
		}
	}
}

func TestAnEndWhileTheScriptsLoadIsNoError(t *testing.T) {
	t.Parallel()
	d := prepare(t, Options{Checks: []string{lua(t, "a.lua", `dp.log.info("loading"); dp.sleep(60); return {}`)}, LoadTimeout: time.Minute})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	d.log("the load", func(l observer.LoggedEntry) bool { return l.Message == "loading" })
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("Run did not return")
	}
}

// A run that is cancelled while another holds the VM cannot come back to say so.
func TestARunThatIsCancelledInAStuckVMIsNoTimeout(t *testing.T) {
	t.Parallel()
	path := lua(t, "a.lua", `
return {
  dp.Function{name = "sleeper", interval = 3600, timeout = 3600, call = function() dp.log.info("asleep"); dp.sleep(3600) return {} end},
  dp.Function{name = "holder", interval = 3600, timeout = 3600, first = "interval", call = function() dp.log.info("`+holdVM+`"); return {} end},
}`)
	d := launch(t, Options{Checks: []string{path}, Grace: 10 * time.Millisecond}, soon)
	d.log("the sleep", says("asleep"))
	go func() { _, _ = d.RunCheck(t.Context(), "holder") }()
	d.log("the hold", says(holdVM))
	d.cancel()
	l := d.log("the end of the sleeper", told("sleeper", ""))
	if l.ContextMap()["outcome"] != string(OutcomeCancelled) || l.Message != errStopped.Error() {
		t.Errorf("it ended as %v: %s", l.ContextMap()["outcome"], l.Message)
	}
}
