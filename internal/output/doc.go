// Package output sends lines to destinations: standard output, TCP, UDP and unix datagram sockets.
//
// Invariant: every line given to Fanout.Send is, for each destination by itself, in the end either sent or
// counted as dropped with a reason, in the order in which the lines came; and no destination, however slow
// or long away, delays the caller or another destination.
//
// Each destination has its own spool, sender goroutine and back-off. A kind of destination is one small
// file and one row in kinds.go. "Sent" means handed to the kernel (or to the writer, for standard output):
// what the kernel still holds when a connection breaks is lost without a trace.
package output
