// Package output sends lines to destinations: standard output, files, sockets, collectors.
//
// Invariant: every line given to Fanout.Send is, for each destination by itself, in the end either delivered or
// counted as dropped with a reason, in the order in which the lines came; a line leaves its spool when it is
// delivered, not when it is sent; and no destination, however slow or long away, delays the caller or another
// destination.
//
// Each destination has its own spool, sender goroutine and back-off. A kind of destination is one small file and one
// row in kinds.go, which says its address, its options and who has a line for sure when it counts as delivered
// (confirmation). What users may rely on is in docs/delivery.md.
package output
