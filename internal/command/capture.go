package command

import "io"

// capture keeps the first max bytes of an output, and reads on to its end all the same: a command whose
// pipe is not read blocks.
type capture struct {
	kept      []byte
	max       int
	truncated bool
}

func (c *capture) readAll(from io.Reader) {
	const first, discard = 512, 32 << 10
	for len(c.kept) < c.max {
		if len(c.kept) == cap(c.kept) {
			grown := make([]byte, len(c.kept), min(c.max, max(first, 2*cap(c.kept))))
			copy(grown, c.kept)
			c.kept = grown
		}
		n, err := from.Read(c.kept[len(c.kept):cap(c.kept)])
		c.kept = c.kept[:len(c.kept)+n]
		if err != nil {
			return
		}
	}
	scratch := make([]byte, discard)
	for {
		n, err := from.Read(scratch)
		c.truncated = c.truncated || n > 0
		if err != nil {
			return
		}
	}
}
