package engine

// turnQueue is a first-in-first-out queue in blocks: ten thousand runs that are due in one instant are not copied
// again and again while it grows, and leave no large empty array behind. The zero value is empty.
type turnQueue struct {
	head, tail *turnBlock // nil: empty
	lo, hi     int        // the first turn used in head, the first unused in tail
}

type turnBlock struct {
	turns [64]turn
	next  *turnBlock
}

func (q *turnQueue) empty() bool { return q.head == q.tail && q.lo == q.hi }

func (q *turnQueue) push(run turn) {
	switch {
	case q.tail == nil:
		q.tail = new(turnBlock)
		q.head = q.tail
	case q.hi == len(q.tail.turns):
		q.tail.next = new(turnBlock)
		q.tail, q.hi = q.tail.next, 0
	}
	q.tail.turns[q.hi] = run
	q.hi++
}

// pop takes the first turn out; false if there is none.
func (q *turnQueue) pop() (turn, bool) {
	if q.empty() {
		return turn{}, false
	}
	run := q.head.turns[q.lo]
	q.head.turns[q.lo] = turn{}
	q.lo++
	switch {
	case q.empty():
		q.lo, q.hi = 0, 0 // the block is kept: one run at a time allocates nothing
	case q.lo == len(q.head.turns):
		q.head, q.lo = q.head.next, 0
	}
	return run, true
}
