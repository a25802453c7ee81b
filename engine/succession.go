package engine

import (
	"time"

	"dumbprobe/internal/reader"
	"dumbprobe/luaapi"
)

// succession says who takes over from whom when versions of scripts are replaced by fresh ones.
type succession struct {
	checks  map[string]task     // of the old versions, by name: names are unique in the daemon
	handles map[*handle]*handle // of the fresh versions, the old one that reads, or may read, the same source
}

// succeed pairs the tasks of old versions, which are about to be stopped, with those of fresh ones. A handle that
// reads the same source gets the reader as it is, with what has arrived: by its name, or else by the source
// alone. What is known of the old ones is known of the fresh ones from now on: they are not in the status before.
func succeed(old, fresh []*script) succession {
	s := succession{checks: map[string]task{}, handles: map[*handle]*handle{}}
	var left []*handle // old ones without an heir, in their order
	for _, script := range old {
		for _, t := range script.tasks {
			if h, ok := t.(*handle); ok {
				left = append(left, h)
			} else {
				s.checks[t.title()] = t
			}
		}
	}
	pair := func(same func(old, next *handle) bool) {
		for _, script := range fresh {
			for _, t := range script.tasks {
				next, ok := t.(*handle)
				if !ok || s.handles[next] != nil {
					continue
				}
				for i, h := range left {
					if same(h, next) {
						s.handles[next] = h
						left = append(left[:i:i], left[i+1:]...)
						break
					}
				}
			}
		}
	}
	pair(func(old, next *handle) bool { return old.name == next.name && next.entry.SameSource(old.entry) })
	pair(func(old, next *handle) bool { return next.entry.TakesRecords() && next.entry.SameSource(old.entry) })
	for _, script := range fresh {
		for _, t := range script.tasks {
			switch t := t.(type) {
			case *check:
				if before, ok := s.checks[t.name].(*check); ok {
					t.record.Store(before.record.Load())
					t.before.Store(before)
				}
			case *object:
				if before, ok := s.checks[t.name].(*object); ok {
					t.record.Store(before.record.Load())
				}
			}
		}
	}
	for next, h := range s.handles {
		next.record.Store(h.record.Load())
		next.mu.Lock()
		next.waits = true
		next.mu.Unlock()
		h.mu.Lock()
		h.heir = next
		h.mu.Unlock()
	}
	return s
}

func (h *handle) hasHeir() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.heir != nil
}

// inherited is what the version before has left; it is given once.
func (h *handle) inherited() *luaapi.Legacy {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.legacy
	h.legacy = nil
	return l
}

// leave hands the reader of a handle that was stopped to the next version. It is false if that does not wait for
// it, or there is none. A handle of the script's own is closed by the script all the same.
func (h *handle) leave(source reader.Reader) bool {
	h.mu.Lock()
	heir := h.heir
	h.mu.Unlock()
	if heir == nil || source == nil {
		return false
	}
	legacy := h.entry.Leave(source)
	if legacy == nil {
		return false
	}
	if !heir.inherit(legacy) {
		_ = legacy.Close()
	}
	if !h.entry.TakesRecords() { // the heir waits for it, as for everything that the script does in its close
		_ = h.call(func() error { return h.entry.Close(h.script.life, h.options(), source) })
	}
	return true
}

// inherit takes what the version before leaves. It is false if it comes too late.
func (h *handle) inherit(legacy *luaapi.Legacy) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.waits {
		return false
	}
	h.legacy = legacy
	return true
}

// startAfter opens the handle when the version before, which reads the same source, has ended: at once with
// what that leaves, or else when that was to be opened again.
func (h *handle) startAfter(before *handle) {
	if !h.begin() {
		h.mu.Lock()
		h.waits = false
		h.mu.Unlock()
		return
	}
	before.sessions.after(func() {
		before.mu.Lock()
		due := before.due
		before.mu.Unlock()
		h.mu.Lock()
		h.waits = false
		legacy, heir := h.legacy, h.heir
		h.mu.Unlock()
		switch stopped := h.isStopped(); {
		case legacy == nil:
			h.mu.Lock()
			h.due = due
			h.mu.Unlock()
			h.enqueue(later(time.Now(), due))
			h.end()
		case !stopped && h.script.quarantinedUntil(h.name).IsZero():
			go h.serve()
		case stopped && heir != nil && heir.inherit(h.inherited()): // replaced before it began
			h.end()
		default:
			go func() {
				defer h.end()
				_ = legacy.Close()
				h.enqueue(time.Now()) // Start waits for the end of the quarantine
			}()
		}
	})
}

// startAlone opens the handle when all handles of the version of the script before are closed: they may have the
// same source under another name.
func (h *handle) startAlone(old *script) {
	if !h.begin() {
		return
	}
	old.opened.after(func() {
		h.enqueue(time.Now())
		h.end()
	})
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
