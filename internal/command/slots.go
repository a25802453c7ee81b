package command

import (
	"container/list"
	"context"
	"math"
	"sync"
	"time"
)

// slots are what commands run in: as many as there may be at once. Each owner, a script, has a queue of its own, which
// is served in the order in which its commands came; the queues take turns. So one with hundreds of commands delays
// another's by a turn.
//
// Where there are several owners, one takes a slot only while it has fewer than share times those that are free: so it
// can have three quarters of them, the next one three quarters of what is left, and so on, and however many hang there
// is something for who has none. It is the same with the places for streams, but for those nobody waits.
type slots struct {
	mu      sync.Mutex // protects following fields
	free    int
	streams int // places for streams that are free
	owners  map[string]*owner
	queues  list.List // of *owner with waiters; the first is the next to be looked at
	waiting int
	longest time.Duration // wait for a slot
}

const share = 3

// owner is what all versions of a script share. The lock of the slots guards it.
type owner struct {
	name    string
	limit   int // slots at once
	groups  int // that are open
	running int
	streams int
	waiters list.List     // of chan struct{}, closed when the slot is handed over
	place   *list.Element // in queues; nil: nobody waits
}

func newSlots(commands, streams int) *slots {
	return &slots{free: commands, streams: streams, owners: map[string]*owner{}}
}

// join makes a group of the owner with a name, which has at most limit slots at once; 0: as many as there are.
func (s *slots) join(name string, limit int) *owner {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.owners[name]
	if o == nil {
		o = &owner{name: name}
		s.owners[name] = o
	}
	o.groups++
	o.limit = limit
	if limit <= 0 {
		o.limit = math.MaxInt
	}
	return o
}

func (s *slots) leave(o *owner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o.groups--
	s.forget(o)
}

// forget lets go of an owner that has nothing any more. The lock is held.
func (s *slots) forget(o *owner) {
	if o.groups <= 0 && o.running == 0 && o.streams == 0 && o.place == nil && s.owners[o.name] == o {
		delete(s.owners, o.name)
		s.serve() // there may be one left, who need not share
	}
}

// may tells whether o may have one of the free slots. The lock is held.
func (s *slots) may(o *owner) bool {
	return o.running < o.limit && s.leaves(o.running, s.free)
}

// leaves tells whether who has so many may have one of those that are free. The lock is held.
func (s *slots) leaves(has, free int) bool {
	return free > 0 && (len(s.owners) < 2 || has < share*free)
}

// takeStream takes a place for a stream. If there is none for o, it gives how many it has.
func (s *slots) takeStream(o *owner) (has int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.leaves(o.streams, s.streams) {
		return o.streams, false
	}
	o.streams++
	s.streams--
	return o.streams, true
}

func (s *slots) giveStream(o *owner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o.streams--
	s.streams++
	s.forget(o)
}

// acquire waits for a slot. It gives context.Cause if ctx ends first.
func (s *slots) acquire(ctx context.Context, o *owner) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.mu.Lock()
	if o.place == nil && s.may(o) { // no other one that waits may have it, or it would
		s.free--
		o.running++
		s.mu.Unlock()
		return nil
	}
	handed := make(chan struct{})
	place := o.waiters.PushBack(handed)
	if o.place == nil {
		o.place = s.queues.PushBack(o)
	}
	s.waiting++
	s.mu.Unlock()

	since := time.Now()
	select {
	case <-handed:
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.longest = max(s.longest, time.Since(since))
	if ctx.Err() == nil {
		return nil
	}
	select {
	case <-handed: // just now: pass it on
		s.giveBack(o)
	default:
		s.drop(o, place)
		s.forget(o)
	}
	return context.Cause(ctx)
}

func (s *slots) release(o *owner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.giveBack(o)
}

// giveBack needs the lock, as serve and drop do.
func (s *slots) giveBack(o *owner) {
	o.running--
	s.free++
	s.serve()
	s.forget(o)
}

// serve hands out free slots, one to each owner that waits for one and may have it, in turn.
func (s *slots) serve() {
	for next := s.queues.Front(); next != nil; {
		o := next.Value.(*owner)
		if !s.may(o) {
			next = next.Next()
			continue
		}
		first := o.waiters.Front()
		s.free--
		o.running++
		close(first.Value.(chan struct{}))
		s.queues.MoveToBack(next)
		s.drop(o, first)
		next = s.queues.Front() // who was passed over may still have none; to look again costs little
	}
}

// drop takes a waiter out of its queue.
func (s *slots) drop(o *owner, waiter *list.Element) {
	o.waiters.Remove(waiter)
	s.waiting--
	if o.waiters.Len() == 0 {
		s.queues.Remove(o.place)
		o.place = nil
	}
}

func (s *slots) stats() (waiting int, longest time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting, s.longest
}

func (s *slots) statsOf(o *owner) GroupStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return GroupStats{Running: o.running, Waiting: o.waiters.Len(), Streams: o.streams}
}

// isFull tells whether it is its own limit that o waits for.
func (s *slots) isFull(o *owner) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return o.running >= o.limit
}
