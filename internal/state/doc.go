// Package state keeps what checks want to remember from one run to the next: a small key-value store for each
// check, by the check's name.
//
// Its invariant: a run's changes are there as a whole or not at all, in memory from the moment they are
// committed, and on disk (with a folder) at most one flush interval later. What is in memory is the truth; the
// file is a copy of it, which is read once, at the start, and can be written anew at any time.
package state
