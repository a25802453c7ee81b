package command

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// CloseOnExec keeps every descriptor that is open now, but the first three, from the commands to come.
// Go's own are never inherited; those that the daemon was started with would be. main calls it once.
func CloseOnExec() error {
	const first, last = 3, 1<<31 - 1
	if unix.CloseRange(first, last, unix.CLOSE_RANGE_CLOEXEC) == nil {
		return nil
	}
	entries, err := os.ReadDir("/proc/self/fd") // before Linux 5.11
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd >= first {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}
