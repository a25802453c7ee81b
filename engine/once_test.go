package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"dumbprobe/internal/output"
)

func TestOnceRunsEveryCheckOnceInTheOrderOfTheLists(t *testing.T) {
	t.Parallel()
	a := lua(t, "a.lua", `
local function say(i) return {order = i} end
return {
  dp.Function{call = function() dp.sleep(0.1); return {order = 1} end, interval = 3600},
  dp.Function{call = say, args = {2}, interval = 0.001, first = "interval"},
  dp.Function{call = say, args = {3}, cron = "0 0 1 1 *"},
  dp.ShellStream{command = "echo '{\"stream\": 1}'"},
  {next_run = function() error("is not asked") end, run = function() return {{order = 4}, {order = 5}} end},
  dp.ShellCommand{command = "sleep 0.1; echo '{\"order\": 6}'", interval = 1},
  {open = function() error("is not opened") end, read_messages = function() end, close = function() end},
}`)
	b := lua(t, "b.lua", `return {dp.Function{call = function() return {order = 7} end, interval = 1}}`)
	d := prepare(t, Options{Checks: []string{a, b}})
	if err := d.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []float64
	for _, m := range d.out.all() {
		got = append(got, m.num("order"))
	}
	if !slices.Equal(got, []float64{1, 2, 3, 4, 5, 6, 7}) {
		t.Errorf("sent %v", got)
	}
	if d.count(OutcomeOK) != 6 {
		t.Errorf("%d runs were counted", d.count(OutcomeOK))
	}
}

func TestOnceCountsTheChecksThatFail(t *testing.T) {
	t.Parallel()
	path := lua(t, "a.lua", `return {
  dp.Function{call = function() error("no") end, interval = 1, name = "error"},
  dp.Function{call = function() return {good = 1} end, interval = 1},
  dp.Function{call = function() end, interval = 1, name = "nil"},
  dp.Function{call = function() return {{good = 2}, {bad = 0/0}} end, interval = 1, name = "dropped"},
  dp.Function{call = function() dp.sleep(60) end, interval = 1, timeout = 0.1, name = "timeout"},
  dp.Function{call = function() return dp.Message{aspect = "x", state = "odd", severity = "error"} end, interval = 1},
  dp.Nagios{command = "echo CRITICAL; exit 2", interval = 1, aspect = "plugin"},
}`)
	d := prepare(t, Options{Checks: []string{path}})
	err := d.Once(t.Context())
	var once *OnceError
	if !errors.As(err, &once) || *once != (OnceError{Failed: 4, Checks: 7}) || err.Error() != "4 of 7 checks failed" {
		t.Errorf("error %v", err)
	}
	if n := len(d.sent(key("good"))); n != 2 {
		t.Errorf("%d good messages were sent", n)
	}
	for name, o := range map[string]Outcome{"error": OutcomeError, "nil": OutcomeNil, "dropped": OutcomeDropped, "timeout": OutcomeTimeout} {
		if len(d.sent(self(name, o))) != 1 || len(d.logs.Filter(told(name, o)).All()) != 1 {
			t.Errorf("%s is not reported once", name)
		}
	}
}

func TestOnceErrors(t *testing.T) {
	t.Parallel()
	const check = `return {dp.Function{call = function() return {ran = 1} end, interval = 1}}`
	for name, c := range map[string]struct {
		source, want string
	}{
		"an object": {"return {run_next = function() return {} end}", "CHECKS is an object with run_next, which schedules itself; --once needs a list of checks"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := lua(t, "bad.lua", c.source)
			d := prepare(t, Options{Checks: []string{lua(t, "a.lua", check), path}})
			err := d.Once(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v", err)
			}
			if len(d.sent(key("ran"))) > 0 {
				t.Error("a check ran before the error was found")
			}
		})
	}
	t.Run("a script that does not load is reported, and the checks of the others run", func(t *testing.T) {
		t.Parallel()
		path := lua(t, "bad.lua", "return {")
		d := prepare(t, Options{Checks: []string{lua(t, "a.lua", check), path}})
		if err := d.Once(t.Context()); err == nil || !strings.Contains(err.Error(), "not all scripts could be loaded") {
			t.Errorf("error %v", err)
		}
		d.message("the message of the other", key("ran"))
		d.message("the report", func(m msg) bool { return m.Location["script"] == path })
	})
	t.Run("a list of handles alone has nothing to run", func(t *testing.T) {
		t.Parallel()
		d := prepare(t, Options{Checks: []string{lua(t, "a.lua", `return {dp.ShellStream{command = "true"}}`)}})
		if err := d.Once(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestOnceSaysWhatCouldNotBeDelivered(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := "tcp:" + listener.Addr().String()
	listener.Close()
	d := prepare(t, Options{
		Checks:       []string{lua(t, "a.lua", `return {dp.Function{call = function() return {{n = 1}, {n = 2}} end, interval = 1}}`)},
		Destinations: []output.Address{address(t, gone), address(t, "stdout")},
	}, func(e *Engine) { e.flushTime = 300 * time.Millisecond })
	err = d.Once(t.Context())
	var left *output.NotDeliveredError
	if !errors.As(err, &left) || !strings.Contains(err.Error(), "2 lines for "+gone) {
		t.Errorf("error %v", err)
	}
	if n := len(d.sent(key("n"))); n != 2 {
		t.Errorf("%d messages on the other destination", n)
	}
}

func TestOnceDeliversBeforeItReturns(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	got := serveLines(listener)
	d := prepare(t, Options{
		Checks: []string{lua(t, "a.lua", `return {dp.Function{interval = 1, call = function()
  local list = {}
  for i = 1, 3000 do list[i] = {n = i} end
  return list
end}}`)},
		Destinations: []output.Address{address(t, "tcp:"+listener.Addr().String())},
	})
	if err := d.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	lines := <-got
	if len(lines) != 3000 || lines[2999] != `{"n":3000}` {
		t.Errorf("%d lines", len(lines))
	}
}

func TestOnceCanBeInterrupted(t *testing.T) {
	t.Parallel()
	d := prepare(t, Options{Checks: []string{lua(t, "a.lua", `return {
  dp.Function{call = function() return {n = 1} end, interval = 1},
  dp.Function{call = function() dp.log.info("waiting"); dp.sleep(3600) end, interval = 1},
  dp.Function{call = function() return {n = 3} end, interval = 1},
}`)}})
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Once(ctx) }()
	d.log("the second check", says("waiting"))
	cancel(errors.New("enough"))
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "stopped after 2 checks: enough") {
			t.Errorf("error %v", err)
		}
	case <-time.After(patience):
		t.Fatal("it did not end")
	}
	if n := fmt.Sprint(len(d.sent(key("n")))); n != "1" {
		t.Errorf("%s messages", n)
	}
}

func TestOnceDoesNotWaitForACheckThatIsStuck(t *testing.T) {
	t.Parallel()
	d := prepare(t, Options{Checks: []string{lua(t, "a.lua", `return {
  dp.Function{call = function() dp.log.info("`+holdVM+`"); return {} end, interval = 1, timeout = 0.2, name = "stuck"},
  dp.Function{call = function() return {n = 2} end, interval = 1, timeout = 0.2, name = "behind"},
}`), lua(t, "b.lua", `return {dp.Function{call = function() return {n = 3} end, interval = 1}}`)}},
		func(e *Engine) { e.stuckGrace = 2 * time.Second }) // far more than the one behind needs to see its deadline
	ended := make(chan error, 1)
	go func() { ended <- d.Once(t.Context()) }()
	select {
	case err := <-ended:
		var once *OnceError
		if !errors.As(err, &once) || *once != (OnceError{Failed: 2, Checks: 3}) {
			t.Errorf("error %v", err)
		}
	case <-time.After(patience):
		d.letGo()
		t.Fatal("it did not end")
	}
	if len(d.sent(self("stuck", OutcomeStuck))) != 1 || len(d.sent(self("behind", OutcomeTimeout))) != 1 {
		t.Error("it is not reported")
	}
	if n := len(d.sent(key("n"))); n != 1 {
		t.Errorf("%d messages, want that of the other file", n)
	}
}
