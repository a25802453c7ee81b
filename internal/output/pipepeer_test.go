package output

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// pipeReader reads the pipe that is standard output. It is a FIFO, to which a reader can come back.
type pipeReader struct {
	*inbox
	path string
	w    *os.File
	r    *os.File // nil while nobody reads
	wg   sync.WaitGroup
}

func newPipeReader(t *testing.T) *pipeReader {
	t.Helper()
	p := &pipeReader{inbox: newInbox(), path: filepath.Join(t.TempDir(), "pipe")}
	if err := unix.Mkfifo(p.path, 0o600); err != nil {
		t.Fatal(err)
	}
	r := p.open(t, os.O_RDONLY|syscall.O_NONBLOCK) // without a reader there would be no writer
	p.w = p.open(t, os.O_WRONLY)
	r.Close()
	t.Cleanup(func() { p.w.Close() })
	return p
}

func (p *pipeReader) open(t *testing.T, how int) *os.File {
	t.Helper()
	f, err := os.OpenFile(p.path, how, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (p *pipeReader) box() *inbox       { return p.inbox }
func (p *pipeReader) String() string    { return "stdout" }
func (p *pipeReader) stdout() io.Writer { return p.w }

func (p *pipeReader) start(t *testing.T) {
	p.r = p.open(t, os.O_RDONLY|syscall.O_NONBLOCK)
	p.wg.Go(func() {
		// What is read ahead is at an end with a line: no piece of lines that a pipe takes is torn.
		for lines := bufio.NewReader(p.r); ; {
			if lines.Buffered() == 0 {
				p.pass()
			}
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			p.add(line[:len(line)-1])
		}
	})
}

func (p *pipeReader) stop(*testing.T) {
	if p.r == nil {
		return
	}
	p.r.Close()
	p.wg.Wait()
	p.r = nil
}
