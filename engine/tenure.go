package engine

import "sync"

// tenure counts what is under way of a task, or of several, so that a new version begins no sooner than the
// old one has ended: neither a check nor a handle overlaps its own next version.
type tenure struct {
	mu    sync.Mutex // protects following fields
	n     int
	ended func() // called when n comes to 0; nil: nobody waits
}

func (t *tenure) enter() {
	t.mu.Lock()
	t.n++
	t.mu.Unlock()
}

func (t *tenure) leave() { t.release(false) }

// giveUp has those that wait go on, although something is under way: it may never end.
func (t *tenure) giveUp() { t.release(true) }

func (t *tenure) release(all bool) {
	t.mu.Lock()
	if all {
		t.n = 0
	} else if t.n > 0 { // not given up
		t.n--
	}
	var f func()
	if t.n == 0 {
		f, t.ended = t.ended, nil
	}
	t.mu.Unlock()
	if f != nil {
		f()
	}
}

// after calls f when nothing is under way: now, or on the goroutine that ends what is.
func (t *tenure) after(f func()) {
	t.mu.Lock()
	if t.n > 0 {
		before := t.ended
		t.ended = f
		if before != nil {
			t.ended = func() { before(); f() }
		}
		t.mu.Unlock()
		return
	}
	t.mu.Unlock()
	f()
}
