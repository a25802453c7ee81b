package systemd

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	"golang.org/x/sys/unix"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// manager is a service manager that listens.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
}

func newManager(t *testing.T, address string) *manager {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &manager{t, c}
}

// next gives the lines of the next datagram.
func (m *manager) next() []string {
	m.t.Helper()
	if err := m.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		m.t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, err := m.conn.Read(buf)
	if err != nil {
		m.t.Fatal(err)
	}
	return strings.Split(string(buf[:n]), "\n")
}

// nothing wants no datagram to be there. Datagrams are there once they are sent.
func (m *manager) nothing() {
	m.t.Helper()
	raw, err := m.conn.SyscallConn()
	if err != nil {
		m.t.Fatal(err)
	}
	buf := make([]byte, 4096)
	var n int
	var readErr error
	err = raw.Read(func(fd uintptr) bool {
		n, readErr = unix.Read(int(fd), buf)
		return true
	})
	if err != nil || readErr != unix.EAGAIN {
		m.t.Errorf("got %q, %v, %v", buf[:max(n, 0)], err, readErr)
	}
}

func (m *manager) wants(lines ...string) {
	m.t.Helper()
	if got := m.next(); !slices.Equal(got, lines) {
		m.t.Errorf("got %q, want %q", got, lines)
	}
}

func newNotifier(socket string, watchdog time.Duration) (*Notifier, *observer.ObservedLogs) {
	core, logs := observer.New(zapcore.DebugLevel)
	return NewNotifier(Environment{NotifySocket: socket, Watchdog: watchdog}, zap.New(core)), logs
}

func TestNotificationsAreOneDatagramEach(t *testing.T) {
	for name, address := range map[string]string{
		"socket file":   filepath.Join(t.TempDir(), "notify"),
		"abstract name": fmt.Sprintf("@dumbprobe-test-%d", os.Getpid()),
	} {
		t.Run(name, func(t *testing.T) {
			m := newManager(t, address)
			n, logs := newNotifier(address, 0)
			n.Ready("3 checks")
			m.wants("READY=1", "STATUS=3 checks")
			n.Status("a line\nand another")
			m.wants("STATUS=a line and another")

			before := monotonic(t)
			n.Reloading("loading")
			after := monotonic(t)
			lines := m.next()
			usec, ok := strings.CutPrefix(lines[1], "MONOTONIC_USEC=")
			at, err := strconv.ParseInt(usec, 10, 64)
			if len(lines) != 3 || lines[0] != "RELOADING=1" || !ok || err != nil || lines[2] != "STATUS=loading" {
				t.Errorf("got %q", lines)
			}
			if at < before || at > after {
				t.Errorf("the reload began at %d, want from %d to %d", at, before, after)
			}
			n.Ready("4 checks")
			m.wants("READY=1", "STATUS=4 checks")

			n.Stopping("ends", 25*time.Second)
			m.wants("STOPPING=1", "EXTEND_TIMEOUT_USEC=25000000", "STATUS=ends")
			n.Ready("a reload that was cut off")
			n.Status("x")
			n.Stopping("again", time.Second)
			m.nothing()
			if logs.Len() > 0 {
				t.Errorf("the log has %v", logs.All())
			}
		})
	}
}

// monotonic is CLOCK_MONOTONIC in microseconds.
func monotonic(t *testing.T) int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Fatal(err)
	}
	return now.Nano() / 1000
}

func TestNobodyIsToldWithoutASocket(t *testing.T) {
	n := NewNotifier(Environment{Watchdog: time.Second}, zap.NewNop())
	if n != nil {
		t.Fatalf("got %v", n)
	}
	n.Ready("")
	n.Reloading("")
	n.Status("")
	n.Stopping("", 0)
	n.Ping(time.Now())
	if d := n.PingInterval(); d != 0 {
		t.Errorf("the pings come each %v", d)
	}
}

func TestPingsComeBeforeHalfOfTheWatchdog(t *testing.T) {
	address := filepath.Join(t.TempDir(), "notify")
	m := newManager(t, address)
	const watchdog = 8 * time.Second
	n, logs := newNotifier(address, watchdog)
	if n.PingInterval() >= watchdog/2 {
		t.Errorf("the pings come each %v", n.PingInterval())
	}
	start := time.Now()
	n.Ping(start)
	m.wants("WATCHDOG=1")
	n.Ping(start.Add(n.PingInterval() - 1))
	m.nothing()
	n.Ping(start.Add(n.PingInterval()))
	m.wants("WATCHDOG=1")
	n.Stopping("", time.Second)
	m.next()
	n.Ping(start.Add(watchdog)) // the daemon works on its end
	m.wants("WATCHDOG=1")
	if logs.Len() > 0 {
		t.Errorf("the log has %v", logs.All())
	}
	unwatched, _ := newNotifier(address, 0)
	unwatched.Ping(start)
	m.nothing()
}

func TestWhatCannotBeSentIsLoggedOnce(t *testing.T) {
	n, logs := newNotifier(filepath.Join(t.TempDir(), "nobody"), time.Second)
	n.Ready("")
	n.Reloading("")
	for i := range 5 {
		n.Ping(time.Now().Add(time.Duration(i) * time.Hour))
	}
	n.Stopping("", 0)
	if all := logs.All(); len(all) != 1 || all[0].Level != zap.WarnLevel || !strings.Contains(all[0].Message, "service manager") {
		t.Errorf("the log has %v", all)
	}
}

func TestAManagerThatIsStartedAgainIsReached(t *testing.T) {
	address := filepath.Join(t.TempDir(), "notify")
	m := newManager(t, address)
	n, _ := newNotifier(address, 0)
	n.Ready("1")
	m.next()
	m.conn.Close()
	n.Status("lost")
	_ = os.Remove(address)
	m = newManager(t, address)
	n.Status("2")
	m.wants("STATUS=2")
}

// fill makes the manager's queue full.
func fill(t *testing.T, address string) {
	t.Helper()
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for range 1 << 20 {
		var sendErr error
		err := raw.Write(func(fd uintptr) bool {
			sendErr = unix.Send(int(fd), []byte("x"), unix.MSG_DONTWAIT)
			return true
		})
		switch {
		case err != nil:
			t.Fatal(err)
		case sendErr == unix.EAGAIN:
			return
		case sendErr != nil:
			t.Fatal(sendErr)
		}
	}
	t.Fatal("the queue has no end")
}

func TestAManagerThatDoesNotReadDelaysNothing(t *testing.T) {
	address := filepath.Join(t.TempDir(), "notify")
	newManager(t, address)
	n, logs := newNotifier(address, time.Second)
	fill(t, address)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 100 { // would take 100 times sendTimeout if they waited
			n.Ping(time.Now().Add(time.Duration(i) * time.Hour))
		}
		n.Ready("")
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("it waits for the manager")
	}
	if logs.Len() != 1 {
		t.Errorf("the log has %v", logs.All())
	}
}
