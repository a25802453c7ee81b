// Package spool keeps the lines that wait for a destination.
//
// Invariant: every line given to Append is, exactly once, either advanced over (delivered) or counted as
// dropped; lines leave in the order in which they came; and what is held never exceeds the limit by more
// than the one batch that a sender has in its hands. The package knows bytes only, not messages.
package spool

import "time"

// DefaultMaxBytes is the limit of a spool for which none is given.
const DefaultMaxBytes = 20 << 20

// A Spool is a bounded first-in-first-out queue of lines. Any number of goroutines may Append and ask for
// Stats; Peek and Advance belong to one goroutine, the sender:
//
//	for range sp.Ready() {
//		for {
//			batch = sp.Peek(512, 64<<10, batch[:0])
//			if len(batch) == 0 {
//				break
//			}
//			n := send(batch)
//			sp.Advance(n)
//			clear(batch) // or the lines stay in memory until the next Peek
//		}
//	}
type Spool interface {
	// Append puts line at the end. It never blocks on a device or a peer and never fails: to make room the
	// oldest lines are dropped, and a line that could not fit into an empty spool is itself dropped. dropped
	// is how many lines were lost for good by this call. A line that a sender holds from Peek is not among
	// them: whether it is lost is decided, and counted in Stats, by the sender's next Advance.
	//
	// line is kept as it is: the caller must not change it afterwards.
	Append(line []byte) (dropped int)

	// Peek appends to into the oldest lines, at most maxLines of them and maxBytes bytes together, and
	// returns it. The oldest line is returned however long it is. The lines stay in the spool and are valid
	// until the next Advance or Peek.
	Peek(maxLines, maxBytes int, into [][]byte) [][]byte

	// Sequence is the number of the first line of the last Peek. Lines are numbered as they are taken in,
	// without a gap; a line keeps its number.
	Sequence() uint64

	// Advance removes the first n lines of the last Peek, which are delivered, and ends that Peek. n = 0
	// gives all of them back.
	Advance(n int)

	// Stats tells what the spool holds and what it has dropped.
	Stats() Stats

	// Ready receives after an Append to a spool in which the sender had found nothing more. One receive
	// stands for any number of lines: Peek until nothing comes. It may receive when there is nothing.
	Ready() <-chan struct{}

	// Close ends the use of the spool; a second Close does nothing. What a spool that lives in memory still
	// holds is then dropped and counted, and so is every later Append.
	Close() error
}

// Stats is what a spool holds now, and what it has dropped since it was made.
type Stats struct {
	Lines        int           // waiting, with those a sender holds from Peek
	Bytes        int64         // their size as it counts against the limit
	Oldest       time.Duration // how long the oldest of them has waited
	DroppedLines uint64
	DroppedBytes uint64 // without overhead
}
