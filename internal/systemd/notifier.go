package systemd

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

// sendTimeout bounds how long a notification waits for a manager that has no room for it: the queue of a unix
// datagram socket is short.
const sendTimeout = time.Second

// Notifier tells the service manager what the daemon does. A nil one tells nobody. Its methods can be called
// from any goroutine, but Ping. No method fails: the first notification that cannot be sent is logged.
//
// Each notification has a socket of its own: one that stays connected would not reach a manager that was
// started again.
type Notifier struct {
	address  *net.UnixAddr
	watchdog time.Duration
	log      *zap.Logger
	logged   atomic.Bool // that a notification could not be sent

	mu       sync.Mutex // protects following field, and keeps the notifications in their order
	stopping bool       // nothing is said any more but how it goes on

	lastPing time.Time // owned by the goroutine that calls Ping
}

// NewNotifier gives the notifier for an environment; nil if nobody wants to be told.
func NewNotifier(e Environment, log *zap.Logger) *Notifier {
	if e.NotifySocket == "" {
		return nil
	}
	// net takes an @ at the beginning for the zero byte of an abstract name.
	return &Notifier{address: &net.UnixAddr{Name: e.NotifySocket, Net: "unixgram"}, watchdog: e.Watchdog, log: log}
}

// PingInterval is how often Ping should be called at least; 0: it need not be called. It is a quarter of what the
// watchdog waits, so that pings come at less than half of it, as sd_watchdog_enabled(3) recommends.
func (n *Notifier) PingInterval() time.Duration {
	if n == nil {
		return 0
	}
	return n.watchdog / 4
}

// Ready tells that the daemon runs what it was told to: after the start, and after each Reloading.
func (n *Notifier) Ready(status string) { n.send(false, "READY=1", statusLine(status)) }

// Reloading tells that a reload begins, with the time by CLOCK_MONOTONIC: by that, systemd knows the reload that it
// has asked for by a signal from one that was under way before.
func (n *Notifier) Reloading(status string) {
	var now unix.Timespec
	if n == nil {
		return
	}
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		n.failed(err) // no machine is without this clock
		return
	}
	n.send(false, "RELOADING=1", fmt.Sprintf("MONOTONIC_USEC=%d", now.Nano()/1000), statusLine(status))
}

// Status tells how things are, in a line for people.
func (n *Notifier) Status(status string) { n.send(false, statusLine(status)) }

// Stopping tells that the daemon comes to its end, which takes no longer than most: the manager waits as long,
// even if it would wait less by itself. Nothing can be told after it.
func (n *Notifier) Stopping(status string, most time.Duration) {
	n.send(true, "STOPPING=1", fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", most.Microseconds()), statusLine(status))
}

// Ping tells the watchdog that the daemon works, unless it was told so a moment ago. It never waits. It is called
// by one goroutine: the one that the watchdog watches over.
func (n *Notifier) Ping(now time.Time) {
	if n == nil || n.watchdog <= 0 || now.Sub(n.lastPing) < n.PingInterval() {
		return
	}
	n.lastPing = now // also if it fails: the next one comes in time
	n.failed(n.transmit([]byte("WATCHDOG=1"), false))
}

// statusLine keeps a status within its line.
func statusLine(status string) string {
	return "STATUS=" + strings.Join(strings.Fields(status), " ")
}

// send sends the lines in one datagram, unless the last one has been sent.
func (n *Notifier) send(last bool, lines ...string) {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopping {
		return
	}
	n.stopping = last
	n.failed(n.transmit([]byte(strings.Join(lines, "\n")), true))
}

// transmit sends one datagram, and waits for the manager to have room for it if it may.
func (n *Notifier) transmit(datagram []byte, wait bool) error {
	c, err := net.DialUnix(n.address.Net, nil, n.address)
	if err != nil {
		return err
	}
	defer c.Close()
	if wait {
		if err := c.SetWriteDeadline(time.Now().Add(sendTimeout)); err != nil {
			return err
		}
		_, err = c.Write(datagram)
		return err
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var sendErr error
	err = raw.Write(func(fd uintptr) bool { // true: not to be called again when there is room
		sendErr = unix.Send(int(fd), datagram, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		return true
	})
	if sendErr == unix.EINTR {
		sendErr = nil // the next one comes in time
	}
	if err == nil && sendErr != nil {
		err = fmt.Errorf("send to %s: %w", n.address.Name, sendErr)
	}
	return err
}

// failed logs the first error.
func (n *Notifier) failed(err error) {
	if err != nil && n.logged.CompareAndSwap(false, true) {
		n.log.Warn("the service manager cannot be told how the daemon is, and may end it; this is not logged again", zap.Error(err))
	}
}
