// Package logconfig makes the daemon's logger: by default to standard error, for a person on a terminal and
// as JSON otherwise; or as a file of zap's Config says.
//
// Invariant: nothing is logged to standard output while messages go there, and the standard streams are
// those that the caller gives, never those of the process.
package logconfig
