package engine

import (
	"sync"
	"time"
)

// conclusions sends what the runs of a script found, and plans the next ones, beside the goroutine that serves the
// script's turns: where many are due in one instant, those that wait for the VM need not wait for that too.
type conclusions struct {
	conclude func(*execution) // (*execution).conclude

	mu     sync.Mutex   // protects following fields
	ended  []*execution // of runs that have come back, in that order
	spare  []*execution // of runs that are concluded, for the next ones
	behind amount       // what has come back and is not concluded
	active bool         // a goroutine is at work
}

// amount is that of runs.
type amount struct{ runs, bytes int }

func amountOf(runs ...*execution) (a amount) {
	for _, x := range runs {
		a.runs++
		a.bytes += x.batch.Bytes()
	}
	return a
}

// Who serves the turns concludes the first runs of a stretch itself: a few that are due together are not worth a
// second goroutine. It does so too while more than these wait, or more bytes of messages: so what a destination
// that is slow to take them holds up is bounded.
const (
	ownConclusions   = 64
	maxConclusions   = 4096
	maxConclusionsOf = 8 << 20
)

// conclusionPause is how long runs that came back are gathered: to wake a goroutine for each costs as much as it does.
const conclusionPause = time.Millisecond

// take has the run of x concluded soon. It returns an execution for the next run.
func (l *conclusions) take(x *execution) *execution {
	own := amountOf(x)
	l.mu.Lock()
	if l.behind.runs >= maxConclusions || l.behind.bytes+own.bytes > maxConclusionsOf {
		l.mu.Unlock()
		l.conclude(x)
		return x
	}
	l.ended = append(l.ended, x)
	l.behind.runs++
	l.behind.bytes += own.bytes
	begin := !l.active
	l.active = true
	var next *execution
	if n := len(l.spare); n > 0 {
		next, l.spare = l.spare[n-1], l.spare[:n-1]
	}
	l.mu.Unlock()
	if begin {
		go l.work()
	}
	if next == nil {
		next = newExecution(x.passOn)
	}
	return next
}

// work concludes what is there, until nothing comes any more.
func (l *conclusions) work() {
	pause := time.NewTimer(conclusionPause)
	defer pause.Stop()
	var done []*execution
	var of amount // done's, before they were
	for {
		<-pause.C
		l.mu.Lock()
		l.behind.runs -= of.runs
		l.behind.bytes -= of.bytes
		l.spare = append(l.spare, done...)
		clear(done)
		runs := l.ended
		l.ended = done[:0]
		if len(runs) == 0 {
			l.active, l.ended, l.spare = false, nil, nil // not to keep what the busiest moment needed
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		pause.Reset(conclusionPause)
		of = amountOf(runs...)
		for _, x := range runs {
			l.conclude(x)
		}
		done = runs
	}
}
