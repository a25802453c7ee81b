package logconfig

import (
	"os"

	"golang.org/x/sys/unix"
)

// IsTerminal tells whether a person may be looking at what is written to f.
func IsTerminal(f *os.File) bool {
	raw, err := f.SyscallConn()
	if err != nil {
		return false
	}
	terminal := false
	err = raw.Control(func(fd uintptr) {
		_, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
		terminal = err == nil
	})
	return err == nil && terminal
}
