package systemd

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// Environment is what the service manager has put into the process's environment.
type Environment struct {
	// NotifySocket is the path of a unix datagram socket, or its abstract name after an @; "": there is none.
	NotifySocket string
	// Watchdog is how long the manager waits for a ping before it ends the daemon; 0: it wants none.
	Watchdog time.Duration
}

// TakeEnvironment reads the environment and takes out of it what it has read, and the variables of socket
// activation, which the daemon has no use for. It is called once, before anything else runs. What is given with
// an error is of use all the same.
func TakeEnvironment() (Environment, error) {
	e := Environment{NotifySocket: os.Getenv("NOTIFY_SOCKET")}
	var err error
	e.Watchdog, err = watchdogOf(os.Getenv("WATCHDOG_USEC"), os.Getenv("WATCHDOG_PID"), os.Getpid())
	errs := []error{err}
	// These are for one process, and its commands would believe them to be for them.
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		errs = append(errs, os.Unsetenv(name))
	}
	return e, errors.Join(errs...)
}

// watchdogOf reads WATCHDOG_USEC; it is 0 if WATCHDOG_PID, which may be missing, names another process than pid.
func watchdogOf(usec, watched string, pid int) (time.Duration, error) {
	if usec == "" {
		return 0, nil
	}
	const most = 1 << 53 // microseconds, 285 years; what fits a Duration
	n, err := strconv.ParseUint(usec, 10, 64)
	if err != nil || n == 0 || n > most {
		return 0, fmt.Errorf("the service manager's WATCHDOG_USEC is %q, which is no number of microseconds; its watchdog is not pinged", usec)
	}
	if watched != "" && watched != strconv.Itoa(pid) {
		return 0, nil
	}
	return time.Duration(n) * time.Microsecond, nil
}
