package spool

const chunkEntries = 256

type chunk[T any] struct {
	entries [chunkEntries]T
	next    *chunk[T]
}

// queue is a list of chunks rather than a ring that doubles: a backlog that has gone leaves no large empty
// ring behind, and growing never copies.
type queue[T any] struct {
	head, tail *chunk[T]
	lo, hi     int // the first entry used in head, the first unused in tail
	len        int
}

func (q *queue[T]) push(e T) {
	switch {
	case q.tail == nil:
		q.head = &chunk[T]{}
		q.tail = q.head
	case q.hi == chunkEntries:
		q.tail.next = &chunk[T]{}
		q.tail, q.hi = q.tail.next, 0
	}
	q.tail.entries[q.hi] = e
	q.hi++
	q.len++
}

// front returns the oldest entry of a queue that is not empty.
func (q *queue[T]) front() *T { return &q.head.entries[q.lo] }

// pop removes the oldest entry of a queue that is not empty.
func (q *queue[T]) pop() {
	q.head.entries[q.lo] = *new(T)
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

func (q *queue[T]) all(yield func(*T) bool) {
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
