package spool

import "fmt"

// NoticeKind says what happened to a spool on disk.
type NoticeKind string

const (
	// Failing: the disk does not do what it is asked to; Err says what that means. What the spool holds is still
	// delivered, unless it cannot be read.
	Failing NoticeKind = "failing"
	// Slow: the disk does what it is asked to, and takes long. Append does not wait for it any more, so what is new waits
	// in memory until it is written; where SyncEvery is 0, it does wait.
	Slow NoticeKind = "slow"
	// Recovered: after Failing and Slow, all is well again.
	Recovered NoticeKind = "recovered"
	// Damaged: lines, or what is known about them, cannot be read back.
	Damaged NoticeKind = "damaged"
)

// Notice is a change that whoever looks after a spool should hear of.
type Notice struct {
	Kind  NoticeKind
	Err   error  // why; nil for Recovered
	Lines uint64 // Damaged: how many lines are known to be lost by this, which may grow
}

// noticesHeld is how many notices wait for a Notify that does not return; further ones are left out.
const noticesHeld = 64

// notify never blocks.
func (d *Disk) notify(n Notice) {
	select {
	case d.notices <- n:
	default:
	}
}

// tell calls Options.Notify, apart from all that may hang with the disk.
func (d *Disk) tell() {
	for n := range d.notices {
		if d.o.Notify != nil {
			d.o.Notify(n)
		}
	}
}

// troubles is how many kinds of trouble there are: of writing, syncing, keeping the cursor, reading, and being slow.
const (
	writing = iota
	syncing
	ticking
	reading
	slowness
	troubles
)

// meanings is what trouble of each kind means for whoever looks after the spool.
var meanings = [troubles]string{
	writing: "what is new waits in memory, where it does not outlive the process",
	syncing: "a power cut may cost more than it should",
	ticking: "what is delivered meanwhile comes again after a restart, and takes up room until then, or until that is as " +
		"much as may wait",
	reading: "what waits on the disk is held up",
}

// trouble notes that something fails. The caller holds mu.
func (d *Disk) trouble(what int, err error) {
	if d.ill[what] {
		return
	}
	d.ill[what] = true
	if what == slowness {
		d.notify(Notice{Kind: Slow, Err: err})
		return
	}
	d.notify(Notice{Kind: Failing, Err: fmt.Errorf("%s: %w", meanings[what], err)})
}

// well notes that something succeeds. The caller holds mu.
func (d *Disk) well(what int) {
	if !d.ill[what] {
		return
	}
	d.ill[what] = false
	if d.ill == [troubles]bool{} {
		d.notify(Notice{Kind: Recovered})
	}
}
