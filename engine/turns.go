package engine

import (
	"sync"
	"time"
)

// turns gives the runs of one script their turn in its VM, first come, first served, on as few goroutines as
// the runs allow: one, and another one each time a run gives the VM away to wait. A goroutine for each due
// run would do the same (the VM's lock has a queue of its own), but ten thousand that are due in one instant
// would each pay for a goroutine, its growing stack and a context.
//
// Who serves takes all that is queued at once. Taken one by one, under one lock with who queues them, each would have to
// wait for the other now and then, and be woken, which on a virtual machine can take some milliseconds.
type turns struct {
	takenMu sync.Mutex // protects taken; locked before mu
	taken   turnQueue  // by who serves

	mu      sync.Mutex // protects following fields
	entered turnQueue  // later than what is taken
	served  bool       // a goroutine is at work, and looks at the queues when it is done

	alarm   *time.Timer // ends the runs whose deadline passes while they are queued; nil: not armed
	alarmAt time.Time

	manyServed  func()      // called when nothing is queued any more, after many runs in a row
	conclusions conclusions // of its runs
	concludeOwn bool        // who serves concludes all runs: each is to be on the disk before the next begins
}

// turn is a run that waits for its turn.
type turn struct {
	check  *check
	due    time.Time
	queued time.Time // its deadline counts from here

	number uint32      // of the check's record
	asked  *runRequest // nil: it is due
}

func (r turn) deadline() time.Time { return r.queued.Add(r.check.timeout) }

// arm sets the alarm to the earliest deadline there is. The lock is held.
func (t *turns) arm(at time.Time) {
	switch {
	case t.alarm == nil:
		t.alarm = time.AfterFunc(time.Until(at), t.expire)
	case at.Before(t.alarmAt):
		t.alarm.Reset(time.Until(at))
	default:
		return
	}
	t.alarmAt = at
}

// expire ends the runs whose deadline has passed before they had their turn.
func (t *turns) expire() {
	for _, run := range t.expired(time.Now()) {
		run.check.expire(run)
	}
}

// enter queues a run, and sees to it that it gets its turn.
func (t *turns) enter(run turn) {
	t.mu.Lock()
	t.entered.push(run)
	begin := !t.served
	t.served = true
	if !begin {
		t.arm(run.deadline())
	}
	t.mu.Unlock()
	if begin {
		go t.serve()
	}
}

// serve runs what is queued, until nothing is, or a run has given the VM away: then another goroutine has
// taken over.
func (t *turns) serve() {
	x := newExecution(t.passOn)
	var now time.Time // when the last run came back, if nothing was done since
	for n := 0; ; n++ {
		run, ok := t.next()
		if !ok {
			if n >= manyRuns {
				t.manyServed()
			}
			return
		}
		own := n < ownConclusions || t.concludeOwn
		x.run(run, now, !own)
		now = x.at
		switch {
		case x.gone:
			x.conclude()
			return
		case own, x.batch.State: // state is committed now, and must not be saved long before the messages are
			x.conclude()
			now = time.Time{}
		default:
			next := t.conclusions.take(x)
			if next == x { // it was concluded here, which may have taken long
				now = time.Time{}
			}
			x = next
		}
	}
}

func (t *turns) next() (turn, bool) {
	t.takenMu.Lock()
	defer t.takenMu.Unlock()
	if t.taken.empty() {
		t.mu.Lock()
		t.taken, t.entered = t.entered, t.taken // the empty one keeps its block
		if t.taken.empty() {
			t.served = false
			t.disarm()
		}
		t.mu.Unlock()
	}
	return t.taken.pop()
}

// disarm stops the alarm, which would keep an old version of the script alive.
func (t *turns) disarm() {
	if t.alarm != nil {
		t.alarm.Stop()
		t.alarm = nil
	}
}

// passOn lets another goroutine serve the queues, since the run of this one waits.
func (t *turns) passOn() {
	t.takenMu.Lock()
	defer t.takenMu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.served = !t.taken.empty() || !t.entered.empty()
	if t.served {
		go t.serve()
	} else {
		t.disarm()
	}
}

// expired takes the runs out whose deadline has passed, and sets the alarm for those that are left.
func (t *turns) expired(now time.Time) []turn {
	t.takenMu.Lock()
	defer t.takenMu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.alarm = nil
	var late []turn
	for _, queue := range []*turnQueue{&t.taken, &t.entered} {
		var kept turnQueue
		for run, ok := queue.pop(); ok; run, ok = queue.pop() {
			if deadline := run.deadline(); !now.Before(deadline) {
				late = append(late, run)
			} else {
				kept.push(run)
				t.arm(deadline)
			}
		}
		*queue = kept
	}
	return late
}

// clear takes all runs out.
func (t *turns) clear() []turn {
	t.takenMu.Lock()
	defer t.takenMu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.disarm()
	var left []turn
	for _, queue := range []*turnQueue{&t.taken, &t.entered} {
		for run, ok := queue.pop(); ok; run, ok = queue.pop() {
			left = append(left, run)
		}
	}
	return left
}
