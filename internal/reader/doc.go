// Package reader reads lines of long-running commands, files and stream sockets, and datagrams, in the
// background, and hands out whole records without blocking.
//
// Invariant: a Reader holds at most Options.MaxQueue records and Options.MaxQueueBytes of their text, plus
// what one read of 32 KiB or one datagram gave. When the queue is full it stops reading: the pipe or the
// socket fills, and the other end blocks (or, with UDP, loses). No record is cut apart, joined with another
// or given twice; what is longer than Options.MaxLine is cut at its end, and says so.
//
// Each Reader has one goroutine that reads and puts records into the queue, and one consumer that waits for
// Ready and calls Take. io.EOF comes alone, after the last record; End then says why.
package reader
