package command

import (
	"os"

	"golang.org/x/sys/unix"
)

// waitExit waits until pid, a child that nobody has reaped, has ended. It does not reap it: until that is
// done, its process and group numbers cannot be given to another process.
func waitExit(pid int) {
	// A pidfd waits in the runtime's poller and costs no thread, which counts with a thousand streams.
	// PIDFD_NONBLOCK is O_NONBLOCK (linux/pidfd.h), Linux 5.10.
	if fd, err := unix.PidfdOpen(pid, unix.O_NONBLOCK); err == nil {
		file := os.NewFile(uintptr(fd), "pidfd")
		defer file.Close()
		if conn, err := file.SyscallConn(); err == nil {
			if conn.Read(exited) == nil {
				return
			}
		}
	}
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
}

func exited(pidfd uintptr) bool {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0
}

// hasExited tells whether pid, a child that nobody has reaped, has ended already.
func hasExited(pid int) bool {
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT|unix.WNOHANG, nil)
		if err != unix.EINTR {
			return err == nil && info.Signo != 0
		}
	}
}
