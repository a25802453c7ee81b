package output

import (
	"crypto/rand"
	"hash/fnv"
	"strconv"

	"dumbprobe/internal/spool"
)

// Batch is what a destination is handed at once: lines, without their newlines, that follow one another.
type Batch struct {
	Lines [][]byte
	// First is the sequence number of the first line, the others follow it without a gap. A line that is sent
	// again has the number that it had before.
	First uint64
	// Origin is what tells the numbers of one spool from those of all others: random for one in memory, which
	// begins anew with each start; kept for one on disk.
	Origin string
	// Stalled, unless it is nil, may be called during Send by a kind that goes on to wait for a peer which is there but
	// has taken nothing for a while: where a write, once begun, cannot be left for another. It stands for ErrBusy.
	Stalled func(error)
}

// ID identifies line i of the batch, for a peer that drops what it has had already: the same each time that the
// line is sent, also after a restart where the spool outlives it, and never that of another line, also where
// two lines have equal bytes. It consists of letters, digits and hyphens, at most 70 of them.
func (b Batch) ID(i int) string {
	// The sum tells lines apart where a spool's folder was deleted and its numbers begin again.
	sum := fnv.New64a()
	_, _ = sum.Write(b.Lines[i])
	id := append(make([]byte, 0, 70), b.Origin...)
	id = strconv.AppendUint(append(id, '-'), b.First+uint64(i), 36)
	return string(strconv.AppendUint(append(id, '-'), sum.Sum64(), 36))
}

// identified is a spool whose sequence numbers outlive the process.
type identified interface {
	// ID tells this spool from all others: up to 32 letters, digits and hyphens, kept for as long as its sequence
	// numbers are.
	ID() string
}

// keeper is a spool whose lines outlive the process.
type keeper interface {
	identified
	// Restored is how many lines there were when it was opened.
	Restored() int
}

// originOf is what Batch.Origin is for the lines of a spool.
func originOf(s spool.Spool) string {
	if i, ok := s.(identified); ok {
		return i.ID()
	}
	return rand.Text()
}
