package spool

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// segment is a file of the spool, or one that will be: lines are assigned to a segment when they are handed over, and
// are written to its file a moment later. All fields are protected by Disk.mu; the file of a busy one is the writer's.
type segment struct {
	first uint64 // number of its first line, also in its name
	end   uint64 // number behind that of its last line
	from  uint64 // number of the first line that may still wait
	off   int64  // where the record of `from` is, or something before it
	at    int64  // when the line `from` came, or one before it; ns since 1970

	lines   int    // that wait, with those that are out
	waiting int64  // bytes of their records
	records int64  // bytes of all records, when they are written
	lost    []span // lines that cannot be read

	written uint64   // lines below this number are in the file
	size    int64    // bytes of the file that count
	file    *os.File // open for writing; nil if it is not made yet, or complete and synced
	dirty   bool     // since it was last synced
	suspect bool     // it could not be synced: what is on the disk itself nobody knows
	sealed  bool     // takes no further lines
	busy    bool     // is being written to
	gone    bool     // is not in Disk.segs any more
	plan    int      // counted up when lines were moved to another segment
}

// span is a range of numbers, to excluded.
type span struct{ from, to uint64 }

// lose notes that the lines of s cannot be read, and says how many of them were not known to be lost.
func (g *segment) lose(s span) (fresh uint64) {
	s.from, s.to = max(s.from, g.from), min(s.to, g.end)
	if s.from >= s.to {
		return 0
	}
	fresh = s.to - s.from
	kept := g.lost[:0:0]
	for _, l := range g.lost {
		if l.to < s.from || l.from > s.to {
			kept = append(kept, l)
			continue
		}
		if both := min(l.to, s.to); both > max(l.from, s.from) {
			fresh -= both - max(l.from, s.from)
		}
		s.from, s.to = min(s.from, l.from), max(s.to, l.to)
	}
	kept = append(kept, s)
	slices.SortFunc(kept, func(a, b span) int {
		if a.from < b.from {
			return -1
		}
		return 1
	})
	g.lost = kept
	return fresh
}

const (
	segmentPrefix = "segment-"
	tempSuffix    = ".tmp"

	// maxFirst bounds the numbers in names of segments. A larger one is not from here: each start after a kill uses up
	// one epoch, and there are 1<<30 of them below.
	maxFirst = 1 << 62

	// maxBare bounds the number that a name alone can tell of, without a header. Where such a file is passed over, there
	// are as many numbers above it as were below.
	maxBare = maxFirst / 2
)

func (g *segment) name() string { return fmt.Sprintf("%s%020d", segmentPrefix, g.first) }

// parseSegmentName takes the names that segments have. ok is also false for a number that is too large.
func parseSegmentName(name string) (first uint64, ok bool) {
	digits, ok := strings.CutPrefix(name, segmentPrefix)
	if !ok || len(digits) != 20 {
		return 0, false
	}
	first, err := strconv.ParseUint(digits, 10, 64)
	return first, err == nil && first < maxFirst && digits[0] != '+'
}
