package command

import (
	"os"
	"sync"
)

// devNull is /dev/null, opened for reading at its first use and shared by all commands without a stdin: an open
// file of it has nothing that one of them could change for another.
type devNull struct {
	mu   sync.Mutex // protects following fields
	file *os.File   // nil until the first use, and after close
}

// open gives the descriptor, which is not the caller's to close.
func (d *devNull) open() (fd int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.file == nil {
		if d.file, err = os.Open(os.DevNull); err != nil {
			return 0, err
		}
	}
	return int(d.file.Fd()), nil
}

// close is called when no command is left.
func (d *devNull) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.file != nil {
		_ = d.file.Close()
		d.file = nil
	}
}
