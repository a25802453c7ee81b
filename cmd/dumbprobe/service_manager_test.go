package main

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/zap"

	"dumbprobe/engine"
	"dumbprobe/internal/systemd"
	"dumbprobe/scheduler"
)

func TestTallyText(t *testing.T) {
	for _, tt := range []struct {
		tally engine.Tally
		want  string
	}{
		{engine.Tally{}, "no checks of 0 scripts"},
		{engine.Tally{Scripts: 1, Checks: 1}, "1 check of 1 script"},
		{engine.Tally{Scripts: 2, Objects: 2, Broken: 2}, "2 objects of 2 scripts; 2 scripts do not load"},
		{engine.Tally{Scripts: 12, Checks: 1204, Handles: 3, Broken: 1}, "1,204 checks and 3 handles of 12 scripts; 1 script does not load"},
		{engine.Tally{Scripts: 1000, Checks: 999, Handles: 1, Objects: 1}, "999 checks, 1 handle and 1 object of 1,000 scripts"},
		{engine.Tally{Scripts: 1, Checks: 12003004}, "12,003,004 checks of 1 script"},
	} {
		if got := tallyText(tt.tally); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestThereAreNoHooksWithoutAManager(t *testing.T) {
	h := managerHooks(systemd.NewNotifier(systemd.Environment{}, zap.NewNop()))
	if h.Started != nil || h.Round != nil || h.MaxIdle != 0 {
		t.Errorf("got %+v", h)
	}
}

// sticky is a task that keeps the loop until it is let go.
type sticky struct{ holds, letGo chan struct{} }

func (s sticky) Start(time.Time) {
	close(s.holds)
	<-s.letGo
}

// TestPingsStopWhileTheSchedulerIsStuck has a real loop ping a real socket.
func TestPingsStopWhileTheSchedulerIsStuck(t *testing.T) {
	address := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	const watchdog = 100 * time.Millisecond
	pinged := func(within time.Duration) bool {
		if err := manager.SetReadDeadline(time.Now().Add(within)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 100)
		n, err := manager.Read(buf)
		if err == nil && string(buf[:n]) != "WATCHDOG=1" {
			t.Fatalf("got %q", buf[:n])
		}
		return err == nil
	}

	h := managerHooks(systemd.NewNotifier(systemd.Environment{NotifySocket: address, Watchdog: watchdog}, zap.NewNop()))
	loop := scheduler.NewLoop(scheduler.LoopOptions{OnRound: h.Round, MaxIdle: h.MaxIdle})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = loop.Run(ctx)
	}()
	for range 5 {
		if !pinged(patience) {
			t.Fatal("an idle loop does not ping")
		}
	}
	s := sticky{make(chan struct{}), make(chan struct{})}
	loop.Schedule(&scheduler.Entry{Task: s}, time.Now())
	<-s.holds
	for pinged(10 * time.Millisecond) { // those sent before
	}
	if pinged(5 * watchdog) {
		t.Error("a stuck loop pings")
	}
	close(s.letGo)
	if !pinged(patience) {
		t.Error("the loop goes on and does not ping")
	}
	cancel()
	<-ended
	for pinged(10 * time.Millisecond) {
	}
	if pinged(5 * watchdog) {
		t.Error("a loop that has ended pings")
	}
}
