package systemd

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestTakeEnvironmentLeavesNothingForCommands(t *testing.T) {
	variables := map[string]string{
		"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "", "LISTEN_PID": "1",
		"LISTEN_PIDFDID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "x",
	}
	for name, value := range variables {
		t.Setenv(name, value)
	}
	t.Setenv("INVOCATION_ID", "kept")
	e, err := TakeEnvironment()
	if want := (Environment{NotifySocket: "/run/notify", Watchdog: 30 * time.Second}); err != nil || e != want {
		t.Errorf("got %+v, %v, want %+v", e, err, want)
	}
	for name := range variables {
		if value, there := os.LookupEnv(name); there {
			t.Errorf("%s=%s is still there", name, value)
		}
	}
	if os.Getenv("INVOCATION_ID") != "kept" {
		t.Error("INVOCATION_ID is gone")
	}
	if e, err := TakeEnvironment(); err != nil || e != (Environment{}) {
		t.Errorf("an empty environment gives %+v, %v", e, err)
	}
}

func TestABadWatchdogLeavesTheSocket(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "@name")
	t.Setenv("WATCHDOG_USEC", "soon")
	e, err := TakeEnvironment()
	if e.NotifySocket != "@name" || e.Watchdog != 0 || err == nil || !strings.Contains(err.Error(), `WATCHDOG_USEC is "soon"`) {
		t.Errorf("got %+v, %v", e, err)
	}
	if _, there := os.LookupEnv("WATCHDOG_USEC"); there {
		t.Error("WATCHDOG_USEC is still there")
	}
}

func TestWatchdogOf(t *testing.T) {
	for _, tt := range []struct {
		name, usec, watched string
		want                time.Duration
		fails               bool
	}{
		{name: "none", want: 0},
		{name: "of any process", usec: "1500000", want: 1500 * time.Millisecond},
		{name: "of this process", usec: "1", watched: "42", want: time.Microsecond},
		{name: "of another process", usec: "1000000", watched: "43", want: 0},
		{name: "of no process", usec: "1000000", watched: "x", want: 0},
		{name: "zero", usec: "0", fails: true},
		{name: "negative", usec: "-1", fails: true},
		{name: "no number", usec: "1s", fails: true},
		{name: "beyond a Duration", usec: "18446744073709551615", fails: true},
		{name: "the longest", usec: "9007199254740992", want: 1 << 53 * time.Microsecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := watchdogOf(tt.usec, tt.watched, 42)
			if got != tt.want || err != nil != tt.fails {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}
