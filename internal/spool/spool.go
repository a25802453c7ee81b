// Package spool keeps the lines that wait for a destination, in memory or on disk.
//
// Invariant: every line given to Append is, exactly once, either acknowledged (delivered), counted as
// dropped, or kept for the next process; lines leave in the order in which they came; and what is held never exceeds the limit by more
// than what a sender has in flight. The package knows bytes only, not messages.
package spool

import "time"

// DefaultMaxBytes is the limit of a spool for which none is given.
const DefaultMaxBytes = 20 << 20

// A Spool is a bounded first-in-first-out queue of lines. Any number of goroutines may Append and ask for
// Stats; the other methods belong to one goroutine, the sender:
//
//	for range sp.Ready() {
//		for {
//			batch, first = sp.Next(512, 64<<10, batch[:0])
//			if len(batch) == 0 {
//				break
//			}
//			send(batch)
//			clear(batch) // or the lines stay in memory
//		}
//		sp.Ack(acknowledged())
//	}
type Spool interface {
	// Append puts line at the end. It never blocks on a device or a peer and never fails: to make room the
	// oldest lines are dropped, and a line that could not fit into an empty spool is itself dropped. dropped
	// is how many lines were lost for good by this call. A line that is out (from Next, without
	// an Ack or Rewind yet) is not among them: whether it is lost is decided, and counted in Stats, by these.
	//
	// line is kept as it is: the caller must not change it afterwards.
	Append(line []byte) (dropped int)

	// Next hands out further lines, at most maxLines of them and maxBytes bytes together, the first however long
	// it is. It appends them to into and returns it with the sequence number of the first of them: lines are
	// numbered as they are taken in, and keep their number. Those of one call follow one another without a gap.
	Next(maxLines, maxBytes int, into [][]byte) ([][]byte, uint64)

	// Ack removes the first n of the lines that are out, which are delivered.
	Ack(n int)

	// Rewind takes back all lines that are out: Next begins with the first of them again.
	Rewind()

	// Stats tells what the spool holds and what it has dropped.
	Stats() Stats

	// Ready receives after an Append to a spool in which the sender had found nothing more. One receive
	// stands for any number of lines: call Next until nothing comes. It may receive when there is nothing.
	Ready() <-chan struct{}

	// Close ends the use of the spool; a second Close does nothing. What a spool that lives in memory still
	// holds is then dropped and counted, what one on disk holds is kept. Every later Append is dropped and counted.
	Close() error
}

// Stats is what a spool holds now, and what it has dropped since it was made.
type Stats struct {
	Lines        int           // waiting, with those that are out
	Bytes        int64         // their size as it counts against the limit
	Oldest       time.Duration // how long the oldest of them has waited
	DroppedLines uint64
	DroppedBytes uint64 // without overhead, and as far as they are known of lines that were damaged

	// Of DroppedLines; only a spool on disk has these.
	DamagedLines   uint64 // which could not be read back
	UnwrittenLines uint64 // which waited in memory, for a disk that takes nothing, until there was no more room for them
}
