package output

import (
	"strings"
	"testing"
)

func TestUDPDropsALineThatNoDatagramCarries(t *testing.T) {
	p := newUDPServer(t)
	p.start(t)
	t.Cleanup(func() { p.stop(t) })
	events := newWatch(t)
	o := options(t, p)
	o.OnEvent = events.on
	f := start(t, o)
	most := strings.Repeat("x", maxDatagram)
	f.Send([]byte("a"))
	f.Send([]byte(most + "x"))
	f.Send([]byte(most))
	got := p.waitFor(t, 2)
	expect(t, got, []string{"a", most})
	e := events.wait(Dropped)
	if e.Drops[DropTooLarge] != 1 || e.Err == nil {
		t.Errorf("reported: %+v", e)
	}
	s := f.Stats()[0]
	balanced(t, s)
	if s.Reconnects != 0 {
		t.Errorf("stats: %+v", s)
	}
}

func TestUDPRefusalsLoseOneLineAnOutage(t *testing.T) {
	p := newUDPServer(t)
	p.start(t)
	t.Cleanup(func() { p.stop(t) })
	events := newWatch(t)
	o := options(t, p)
	o.OnEvent = events.on
	f := start(t, o)
	f.Send([]byte("a"))
	p.waitFor(t, 1)
	p.stop(t)
	f.Send([]byte("lost"))
	flush(t, f)
	f.Send([]byte("kept"))
	events.wait(Lost)
	p.start(t)
	expect(t, p.waitFor(t, 2), []string{"a", "kept"})
	if s := f.Stats()[0]; s.Refused != 1 {
		t.Errorf("stats: %+v", s)
	}
}
