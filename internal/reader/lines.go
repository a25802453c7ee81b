package reader

import (
	"errors"
	"io"
	"time"
)

const chunk = 32 << 10 // bytes of one read

// longAgo, as a deadline, ends a read that blocks.
var longAgo = time.Unix(1, 0)

// errStopped is what a read gives that was told to stop.
var errStopped = errors.New("stopped")

// readLines reads from to its end, which gives nil, and leaves an unended last line in lines. put is false to
// stop; it does not keep what it is given.
func readLines(from io.Reader, lines *framer, size int, put func([]Record) bool) error {
	buf := make([]byte, size)
	for {
		n, err := from.Read(buf)
		lines.write(buf[:n])
		if !put(lines.take()) {
			return errStopped
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
