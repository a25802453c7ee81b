package luaapi

import (
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"time"
)

// maxFiles bounds the files that a script has open at once: the process has a limit, and all scripts need theirs.
const maxFiles = 1000

// fileCount counts the open files of a script. What a script forgets, the garbage collector closes, in its time.
type fileCount struct {
	open   atomic.Int32
	inVain time.Time // when the garbage collector was asked last and found too little; guarded by the VM's lock
}

// errTooManyFiles is what a script gets that has maxFiles open.
var errTooManyFiles = fmt.Errorf("the script has %d files open; close them when they are done with", maxFiles)

// enter counts one more file, if there may be one. If there may be none, those that the script has forgotten are
// looked for first: the VM is held meanwhile, since io.open does not wait.
func (c *fileCount) enter() error {
	if c.open.Add(1) <= maxFiles {
		return nil
	}
	if time.Since(c.inVain) > time.Second {
		runtime.GC()
		for range 100 { // what is done for each file that was found comes a little later
			if c.open.Load() <= maxFiles/2 {
				break
			}
			time.Sleep(time.Millisecond)
		}
		if c.open.Load() > maxFiles/2 {
			c.inVain = time.Now()
		}
	}
	if c.open.Load() <= maxFiles {
		return nil
	}
	c.open.Add(-1)
	return errTooManyFiles
}

// countedFile is a file that is counted until it is closed, or forgotten.
type countedFile struct {
	*os.File
	leave func()
}

// hold counts a file, which enter has let in.
func (c *fileCount) hold(file *os.File) *countedFile {
	var left atomic.Bool
	leave := func() {
		if !left.Swap(true) {
			c.open.Add(-1)
		}
	}
	f := &countedFile{File: file, leave: leave}
	runtime.AddCleanup(f, func(file *os.File) {
		_ = file.Close()
		leave()
	}, file)
	return f
}

// Close closes the file.
func (f *countedFile) Close() error {
	f.leave()
	return f.File.Close()
}
