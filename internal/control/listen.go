package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// maxPath is how long the path of a unix socket may be: sun_path of unix(7), less its zero byte.
const maxPath = 107

// InUseError says that another process serves the socket.
type InUseError struct{ Path string }

func (e *InUseError) Error() string {
	return fmt.Sprintf("the control socket %s is served by another process, another dumbprobe perhaps; give this one a socket of its own by --control PATH, or none by --control off", e.Path)
}

// Listener is a control socket that was opened.
type Listener struct {
	net.Listener
	path string
	file fs.FileInfo // of the socket that was made: another process may put its own in that place
}

// Listen makes the control socket at path, with mode 0600 from the first moment. A socket there that nobody
// serves any more is replaced; one that somebody serves is an *InUseError; anything else that is there is an
// error, too, and is left alone.
func Listen(path string) (*Listener, error) {
	if len(path) > maxPath {
		return nil, fmt.Errorf("the control socket's path has %d bytes, and the path of a unix socket at most %d: %s", len(path), maxPath, path)
	}
	unlock := lockFolder(filepath.Dir(path))
	defer unlock()
	if err := removeStale(path); err != nil {
		return nil, err
	}
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		// Linux makes the file with the mode that the socket has when it is bound. A chmod of the file would
		// come too late for who connects in between, and a umask is that of all threads.
		var err error
		if controlErr := c.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), 0o600) }); controlErr != nil {
			return controlErr
		}
		return err
	}}
	l, err := config.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, cannot(path, err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // see Close
	info, err := os.Lstat(path)
	if err == nil && info.Mode() != fs.ModeSocket|0o600 {
		err = fmt.Errorf("it was made with mode %v, and would be open to others", info.Mode())
		_ = os.Remove(path)
	}
	if err != nil {
		l.Close()
		return nil, cannot(path, err)
	}
	return &Listener{l, path, info}, nil
}

func cannot(path string, err error) error {
	var call *os.SyscallError
	var file *fs.PathError
	hint := ""
	switch {
	case errors.As(err, &call):
		err = call.Err
	case errors.As(err, &file):
		err = file.Err
	}
	if errors.Is(err, fs.ErrNotExist) {
		hint = ": its folder has to be there"
	}
	return fmt.Errorf("the control socket %s cannot be made: %w%s", path, err, hint)
}

// removeStale removes the socket of a daemon that is dead.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return cannot(path, err)
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("the control socket %s cannot be made: something else is there, which is no socket", path)
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		c.Close()
		return &InUseError{path}
	}
	if !errors.Is(err, syscall.ECONNREFUSED) { // it is there, and only busy, or not for us
		return &InUseError{path}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return cannot(path, err)
	}
	return nil
}

// lockFolder keeps two daemons that start at once from taking each other's socket for stale: between bind and
// listen it refuses connections. A folder that cannot be locked is not; whoever holds its lock for long is no
// daemon of ours.
func lockFolder(dir string) (unlock func()) {
	f, err := os.Open(dir)
	if err != nil {
		return func() {}
	}
	for deadline := time.Now().Add(2 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) || time.Now().After(deadline) {
			return func() { f.Close() } // with it goes the lock
		}
	}
}

// Close closes the socket and removes it, unless another one has taken its place.
func (l *Listener) Close() error {
	unlock := lockFolder(filepath.Dir(l.path))
	defer unlock()
	if info, err := os.Lstat(l.path); err == nil && os.SameFile(info, l.file) {
		_ = os.Remove(l.path) // before it refuses connections: nobody takes it for stale
	}
	return l.Listener.Close()
}
