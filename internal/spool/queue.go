package spool

import "time"

type entry struct {
	line []byte
	at   time.Duration // when it came, since the spool was made
}

const chunkEntries = 256

type chunk struct {
	entries [chunkEntries]entry
	next    *chunk
}

// queue is a list of chunks rather than a ring that doubles: a backlog that has gone leaves no large empty
// ring behind, and growing never copies.
type queue struct {
	head, tail *chunk
	lo, hi     int // the first entry used in head, the first unused in tail
	len        int
}

func (q *queue) push(e entry) {
	switch {
	case q.tail == nil:
		q.head = &chunk{}
		q.tail = q.head
	case q.hi == chunkEntries:
		q.tail.next = &chunk{}
		q.tail, q.hi = q.tail.next, 0
	}
	q.tail.entries[q.hi] = e
	q.hi++
	q.len++
}

// front returns the oldest entry of a queue that is not empty.
func (q *queue) front() *entry { return &q.head.entries[q.lo] }

// pop removes the oldest entry of a queue that is not empty.
func (q *queue) pop() {
	q.head.entries[q.lo] = entry{}
	q.lo++
	q.len--
	switch {
	case q.len == 0:
		q.lo, q.hi = 0, 0 // head is tail; it is kept, so a queue of one line at a time allocates nothing
		q.head, q.tail.next = q.tail, nil
	case q.lo == chunkEntries:
		q.head, q.lo = q.head.next, 0
	}
}

func (q *queue) all(yield func(*entry) bool) {
	c, i := q.head, q.lo
	for range q.len {
		if i == chunkEntries {
			c, i = c.next, 0
		}
		if !yield(&c.entries[i]) {
			return
		}
		i++
	}
}
