package scheduler

import "time"

// arity is the number of children of a node of the heap. Four make the heap half as deep as two, and
// the children of one node are neighbours in memory.
const arity = 4

// Entry is a place in a [RunQueue]: a check to run or a handle to reopen. Its owner embeds it, so that
// scheduling allocates nothing. An Entry belongs to one queue for life and must not be copied once it
// has been added.
type Entry struct {
	// Task is what the loop starts. Set before the entry is first scheduled, never changed afterwards.
	Task Task

	// place is the index in the heap plus one; zero means not queued, so the zero Entry is ready for
	// use. Guarded by whatever guards the queue.
	place int
}

// slot holds the keys beside the pointer, so that sifting touches entries only to tell them their place.
type slot struct {
	due   time.Duration
	seq   uint64
	entry *Entry
}

func (s slot) before(t slot) bool {
	return s.due < t.due || s.due == t.due && s.seq < t.seq
}

// RunQueue is a min-heap of (time, sequence, entry). A time is the duration since an instant that the
// queue's owner chose, on the monotonic clock; it may be negative. Entries of one time leave in the
// order they were added. The zero RunQueue is empty and ready for use. It is not safe for concurrent
// use.
type RunQueue struct {
	slots []slot
	seq   uint64
}

// Len returns the number of entries.
func (q *RunQueue) Len() int { return len(q.slots) }

// Put adds the entry, or moves it if it is queued already; a moved entry goes behind those of its new
// time. O(log n).
func (q *RunQueue) Put(e *Entry, due time.Duration) {
	q.seq++
	s := slot{due: due, seq: q.seq, entry: e}
	if e.place == 0 {
		q.slots = append(q.slots, s)
		q.up(len(q.slots)-1, s)
		return
	}
	q.settle(e.place-1, s)
}

// Remove takes the entry out and reports whether it was queued. O(log n).
func (q *RunQueue) Remove(e *Entry) bool {
	if e.place == 0 {
		return false
	}
	hole := e.place - 1
	e.place = 0
	end := len(q.slots) - 1
	last := q.slots[end]
	q.slots[end] = slot{} // lets go of the entry
	q.slots = q.slots[:end]
	if hole < end {
		q.settle(hole, last)
	}
	return true
}

// Min returns the entry that is due first and its time, without taking it out; nil if there is none.
func (q *RunQueue) Min() (*Entry, time.Duration) {
	if len(q.slots) == 0 {
		return nil, 0
	}
	return q.slots[0].entry, q.slots[0].due
}

// Due returns the time of a queued entry; false if it is not queued.
func (q *RunQueue) Due(e *Entry) (time.Duration, bool) {
	if e.place == 0 {
		return 0, false
	}
	return q.slots[e.place-1].due, true
}

// settle puts s into the hole at i or where it belongs above or below it.
func (q *RunQueue) settle(i int, s slot) {
	if i > 0 && s.before(q.slots[(i-1)/arity]) {
		q.up(i, s)
	} else {
		q.down(i, s)
	}
}

func (q *RunQueue) up(i int, s slot) {
	for i > 0 {
		parent := (i - 1) / arity
		if !s.before(q.slots[parent]) {
			break
		}
		q.set(i, q.slots[parent])
		i = parent
	}
	q.set(i, s)
}

func (q *RunQueue) down(i int, s slot) {
	for {
		first := i*arity + 1
		if first >= len(q.slots) {
			break
		}
		least := first
		for c := first + 1; c < min(first+arity, len(q.slots)); c++ {
			if q.slots[c].before(q.slots[least]) {
				least = c
			}
		}
		if !q.slots[least].before(s) {
			break
		}
		q.set(i, q.slots[least])
		i = least
	}
	q.set(i, s)
}

func (q *RunQueue) set(i int, s slot) {
	q.slots[i] = s
	s.entry.place = i + 1
}
