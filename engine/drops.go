package engine

import (
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"
)

// drops says how many messages were dropped for destinations, of each at most once in selfInterval: what comes in
// between is added up and said then, so that the sum of all that is said is what was dropped.
type drops struct {
	mu    sync.Mutex // protects the following
	voice *voice     // nil at first, when everything is held
	held  map[string]*heldDrops
	ended bool // nothing is held any more
}

// heldDrops is what was dropped for a destination, by reason, and not yet said.
type heldDrops struct {
	lines map[string]uint64
	timer *time.Timer // until which it is held; nil: it need not be
}

func newDrops() *drops { return &drops{held: map[string]*heldDrops{}} }

// begin says what is held, and has what comes be said by a voice.
func (d *drops) begin(v *voice) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.voice = v
	for destination, h := range d.held {
		d.say(destination, h)
	}
}

// note takes what was dropped for a destination since the last time.
func (d *drops) note(destination string, lines map[string]uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.held[destination]
	if h == nil {
		h = &heldDrops{lines: map[string]uint64{}}
		d.held[destination] = h
	}
	for reason, n := range lines {
		h.lines[reason] += n
	}
	if h.timer == nil {
		d.say(destination, h)
	}
}

// say says what is held, if anything, and has the next be held for a while. The caller holds mu.
func (d *drops) say(destination string, h *heldDrops) {
	h.timer = nil
	var sum uint64
	for _, n := range h.lines {
		sum += n
	}
	if sum == 0 || d.voice == nil {
		return
	}
	d.voice.always(source{destination: destination}, OutcomeDropped,
		fmt.Errorf("%d messages for %s were dropped: %s", sum, destination, reasons(h.lines)))
	clear(h.lines)
	if d.ended || d.voice.mode == SelfAll {
		return
	}
	h.timer = time.AfterFunc(selfInterval, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if !d.ended {
			d.say(destination, h)
		}
	})
}

// always says an outcome without regard to what was said before, which is up to the caller.
func (v *voice) always(s source, o Outcome, err error) {
	v.counters[o].Add(1)
	v.logger.Log(o.level(), err.Error(), append(s.fields(), zap.String("outcome", string(o)))...)
	if v.mode != SelfOff {
		v.say(s, o, err)
	}
}

// end says what is held, while there is somebody to hear it. nil, of an engine without outputs, holds nothing.
func (d *drops) end() {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	for destination, h := range d.held {
		if h.timer != nil {
			h.timer.Stop()
		}
		d.say(destination, h)
	}
}
