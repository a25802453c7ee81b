package command

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// slots is a counting semaphore that serves its waiters strictly in the order they came.
type slots struct {
	mu      sync.Mutex // protects following fields
	free    int
	waiters list.List // of chan struct{}, closed when the slot is handed over
	longest time.Duration
}

// acquire waits for a slot. It gives context.Cause if ctx ends first.
func (s *slots) acquire(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.mu.Lock()
	if s.free > 0 {
		s.free-- // free > 0 only while nobody waits
		s.mu.Unlock()
		return nil
	}
	handed := make(chan struct{})
	place := s.waiters.PushBack(handed)
	s.mu.Unlock()

	since := time.Now()
	select {
	case <-handed:
	case <-ctx.Done():
	}
	s.mu.Lock()
	s.longest = max(s.longest, time.Since(since))
	if ctx.Err() == nil {
		s.mu.Unlock()
		return nil
	}
	select {
	case <-handed: // just now: pass it on
		s.mu.Unlock()
		s.release()
	default:
		s.waiters.Remove(place)
		s.mu.Unlock()
	}
	return context.Cause(ctx)
}

func (s *slots) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first := s.waiters.Front(); first != nil {
		close(s.waiters.Remove(first).(chan struct{}))
		return
	}
	s.free++
}

func (s *slots) stats() (waiting int, longest time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiters.Len(), s.longest
}
