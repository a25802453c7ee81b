package control

import (
	"os"
	"path/filepath"
	"strings"
)

const socketName = "control.sock"

// DefaultPath is where the daemon makes its socket when nothing else is said: in $RUNTIME_DIRECTORY, which
// systemd sets (to a list with colons: the first of it), or in $XDG_RUNTIME_DIR/dumbprobe, which is made. It
// is empty if there is neither.
func DefaultPath(getenv func(string) string) string {
	if dir, _, _ := strings.Cut(getenv("RUNTIME_DIRECTORY"), ":"); filepath.IsAbs(dir) {
		return filepath.Join(dir, socketName)
	}
	if dir := getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "dumbprobe", socketName)
	}
	return ""
}

// MakeFolder makes the folder of the default path, where only the user gets in.
func MakeFolder(path string) error {
	err := os.Mkdir(filepath.Dir(path), 0o700)
	if os.IsExist(err) {
		return nil
	}
	return err
}

// systemPath is where the packaged unit has the daemon make its socket.
const systemPath = "/run/dumbprobe/" + socketName

// Places are where a client looks for the socket when nothing else is said: those of DefaultPath, and that of
// the packaged unit, in this order.
func Places(getenv func(string) string) (paths []string) {
	for dir := range strings.SplitSeq(getenv("RUNTIME_DIRECTORY"), ":") {
		if filepath.IsAbs(dir) {
			paths = append(paths, filepath.Join(dir, socketName))
		}
	}
	if dir := getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		paths = append(paths, filepath.Join(dir, "dumbprobe", socketName))
	}
	return append(paths, systemPath)
}
