package spool

import (
	"fmt"
	"time"
)

// patience is what may still be waited for the disk. It grows with time, up to a limit, so that a disk that is slow but
// does answer cannot hold up whoever appends for more than a part of the time. Waits as short as a disk that is well
// causes them cost nothing, however many there are.
type patience struct {
	most  time.Duration // what is left after a second without a wait
	free  time.Duration // of each wait
	spent time.Duration // may be more than most, by one wait
	at    time.Time     // when spent was right
}

// pass lets time go by.
func (p *patience) pass(now time.Time) {
	passed := min(now.Sub(p.at), 2*time.Second) // no more is ever spent
	p.spent = max(p.spent-time.Duration(float64(p.most)*passed.Seconds()), 0)
	p.at = now
}

// wait books that something was waited for until now.
func (p *patience) wait(now time.Time, took time.Duration) {
	p.pass(now)
	p.spent = min(p.spent+max(took-p.free, 0), 2*p.most)
}

func (p *patience) over() bool { return p.spent >= p.most }

// waited books that a line was waited for until now. The caller holds mu.
func (d *Disk) waited(now time.Time, took time.Duration) {
	d.patience.wait(now, took)
	if d.patience.over() && !d.stalled {
		d.slowDown(fmt.Errorf("a write took %v, after others of the kind; %s", took.Round(time.Millisecond), d.folder.path))
	}
}

// attempted books an attempt to write that went well, and whether that was when nobody expected it any more. As long as
// nothing waits for the disk, it counts as if something did. The caller holds mu.
func (d *Disk) attempted(now time.Time, took time.Duration, late bool) {
	if late {
		d.slowDown(fmt.Errorf("a write took %v; %s", took.Round(time.Millisecond), d.folder.path))
	}
	if d.slow && (late || !d.patient()) {
		d.patience.wait(now, took)
	}
	d.calm(now)
}

func (d *Disk) slowDown(why error) {
	d.slow = true
	d.trouble(slowness, why)
}

// calm has a slow disk count as well again as soon as all patience is back. The caller holds mu.
func (d *Disk) calm(now time.Time) {
	if !d.slow {
		return
	}
	d.patience.pass(now)
	if d.patience.spent == 0 {
		d.slow = false
		d.well(slowness)
		return
	}
	if d.calming != nil {
		d.calming.Stop()
	}
	again := time.Duration(float64(time.Second)*float64(d.patience.spent)/float64(d.patience.most)) + time.Millisecond
	d.calming = time.AfterFunc(again, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if !d.closed && d.unwritten.len == 0 { // else the end of the attempt is awaited
			d.calm(time.Now())
		}
	})
}

// patient is whether Append waits for a slow disk, too: for what it was promised that the disk itself has it.
func (d *Disk) patient() bool { return d.o.SyncEvery == 0 }
