package engine

import (
	"sync/atomic"
	"time"

	"dumbprobe/internal/loglimit"
	"dumbprobe/luaapi"
	"dumbprobe/scheduler"
)

// object is the adapter of a CHECKS that schedules itself: run_next is called over and over.
type object struct {
	script  *script
	object  *luaapi.Object
	name    string
	backoff scheduler.Backoff
	runs    tenure
	present presentRun
	lines   *loglimit.Limit        // in the log
	record  atomic.Pointer[record] // shared with the version before
}

func newObject(s *script, o *luaapi.Object, names map[string]string) *object {
	name := s.nameOf(&luaapi.Entry{Position: 1, Class: o.Class}, names)
	adapter := &object{
		script: s, object: o, name: name, lines: loglimit.New(),
		backoff: scheduler.Backoff{Base: time.Second, Max: time.Minute, Good: time.Minute},
	}
	adapter.record.Store(new(record))
	return adapter
}

func (o *object) title() string { return o.name }

func (o *object) source() source {
	return source{script: o.script.path, check: o.name, position: 1, lines: o.lines}
}

func (o *object) stop() {} // the closed idle channel of the script ends it

func (o *object) giveUp() {
	o.runs.giveUp()
	o.lines.Tell()
}

// start begins when the object of the version before has come to its end.
func (o *object) start(old task) {
	before, _ := old.(*object)
	o.runs.enter()
	if !o.script.begin() {
		o.runs.leave()
		return
	}
	if before != nil {
		before.runs.after(func() { go o.loop() })
	} else {
		go o.loop()
	}
}

// loop calls run_next until the script stops. Each call is on a goroutine of its own, since it may end early
// (see luaapi.VM.Do).
func (o *object) loop() {
	defer o.script.end()
	defer o.runs.leave()
	if !o.pause(time.Until(o.script.quarantinedUntil(o.name))) {
		return
	}
	for {
		start := time.Now()
		known := o.record.Load()
		run := o.present.begin(known.begin(start))
		var b luaapi.Batch
		err := o.runNext(&b)
		if o.script.isStopping() && err != nil {
			known.leave(run)
			return
		}
		o.script.engine.sendBatch(o.source(), &b)
		if o.present.end(run) {
			outcome := outcomeOf(err, &b)
			known.executed(run, b.Instructions)
			known.end(run, time.Time{}, start, outcome, runError(err, &b), time.Now())
			o.script.engine.voice.tell(o.source(), "run", outcome, runError(err, &b))
		}
		// A run_next that returns at once must not spin, and one that fails waits longer each time.
		pause := scheduler.MinSpacing - time.Since(start)
		if err != nil {
			pause = o.backoff.NextAfter(time.Since(start))
		} else {
			o.backoff.Reset()
		}
		if !o.pause(pause) {
			return
		}
	}
}

func (o *object) runNext(b *luaapi.Batch) error {
	e := o.script.engine
	opts := luaapi.RunOptions{
		Timeout: e.options.Timeout,
		Label:   &o.name,
		Sliding: true,
		Idle:    o.script.idle,
		Logger:  e.logger.WithLazy(o.source().fields()...),
		State:   e.kept,
	}
	done := make(chan error, 1)
	go luaapi.Finally(o.script.life, opts.Timeout, func() error {
		return o.object.RunNext(o.script.life, opts, b, e.sendLines)
	}, func(err error) { done <- err })
	return <-done
}

// pause waits, and is false when the script stops.
func (o *object) pause(d time.Duration) bool {
	if d <= 0 {
		select {
		case <-o.script.idle:
			return false
		default:
			return true
		}
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-o.script.idle:
		return false
	}
}
