package spool

import (
	"io"
	"os"
	"time"
)

const (
	cursorName = "cursor"
	lockName   = "lock"
)

// runSyncer has what is written come to the disk itself, keeps the cursor, and unlinks what is done with.
func (d *Disk) runSyncer() {
	defer close(d.synced)
	every := d.o.SyncEvery
	if every == 0 {
		every = time.Second // of the cursor alone
	}
	timer := time.NewTimer(every)
	timer.Stop()
	armed, failed, wait := false, false, every
	for {
		now := false
		select {
		case <-d.syncSoon:
		case <-d.syncNow:
			now = !failed || d.overdue()
		case <-timer.C:
			now, armed = true, false
		case <-d.stop:
			timer.Stop()
			<-d.written
			d.sync(true)
			return
		}
		if now {
			failed = !d.sync(false)
			wait = every
			if failed {
				wait = min(max(2*wait, d.o.retry), retryLast)
			}
		}
		if (failed || !now) && !armed {
			timer.Reset(wait)
			armed = true
		}
	}
}

// sync says whether all went well. last is that the spool is closed, and nothing is written any more.
func (d *Disk) sync(last bool) bool {
	d.oneSync.Lock()
	defer d.oneSync.Unlock()
	wroteTo, ok := d.syncSegments()
	if !ok {
		wroteTo = d.saved.synced
	}
	return d.tick(wroteTo, last && ok) && ok
}

// syncSegments returns the number behind that of the last line which is on the disk itself, if all went well.
func (d *Disk) syncSegments() (wroteTo uint64, ok bool) {
	type open struct {
		seg  *segment
		file *os.File
	}
	var dirty, suspect []open
	d.mu.Lock()
	wroteTo = d.wroteTo
	for _, g := range d.segs {
		switch {
		case g.suspect:
			suspect = append(suspect, open{g, g.file})
		case g.dirty:
			dirty = append(dirty, open{g, g.file})
			g.dirty = false
		}
	}
	newNames := d.newNames
	d.newNames = false
	d.mu.Unlock()

	var failure error
	for _, o := range dirty {
		if err := d.folder.sync(atSegmentSync, o.file); err != nil {
			// The kernel may have forgotten what it could not write, and that it could not. It is still in its cache.
			failure = err
			d.mu.Lock()
			o.seg.suspect = true
			d.split(o.seg)
			d.mu.Unlock()
			suspect = append(suspect, o)
		}
	}
	for _, o := range suspect {
		if err := d.copySegment(o.seg, o.file); err != nil {
			failure = err
		}
	}
	if newNames {
		if err := d.folder.syncFolder(atSegmentSynced); err != nil {
			failure = err
		}
	}

	var complete []*os.File
	d.mu.Lock()
	d.newNames = d.newNames || newNames && failure != nil
	for i, g := range d.segs {
		if g.file != nil && !g.dirty && !g.suspect && !g.busy && g.written == g.end && (g.sealed || i < len(d.segs)-1) {
			complete = append(complete, g.file)
			g.file = nil
			g.sealed = true
		}
	}
	if failure != nil {
		d.trouble(syncing, failure)
	} else {
		d.well(syncing)
	}
	d.mu.Unlock()
	for _, f := range complete {
		f.Close()
	}
	return wroteTo, failure == nil
}

// copySegment puts a copy in the place of a segment that could not be synced.
func (d *Disk) copySegment(g *segment, file *os.File) error {
	d.mu.Lock()
	size, gone := g.size, g.gone
	d.mu.Unlock()
	if gone {
		return nil
	}
	content := make([]byte, size)
	if _, err := file.ReadAt(content, 0); err != nil && err != io.EOF {
		return err
	}
	points := replacePoints{atCopyCreate, atCopyWrite, atCopySync, atCopyRename, atCopySynced}
	if err := d.folder.replace(points, g.name(), content); err != nil {
		return err
	}
	d.mu.Lock()
	g.suspect = false
	d.mu.Unlock()
	return nil
}

// tick brings the cursor up to date, then unlinks what is done with. last is that it is for the last time, and that
// everything is synced.
func (d *Disk) tick(synced uint64, last bool) bool {
	d.mu.Lock()
	if last && d.lines == 0 {
		for len(d.segs) > 0 {
			d.remove(0)
		}
	}
	c := cursor{acked: d.next, synced: synced, limit: max(d.limit, d.saved.limit)}
	if len(d.segs) > 0 {
		c.acked = d.segs[0].from
	}
	if d.next+epoch/2 > c.limit {
		c.limit = d.next + epoch
	}
	if last && d.unwritten.len == 0 {
		c.limit = d.next
	}
	done := d.done
	d.done = nil
	d.mu.Unlock()

	var err error
	if c.acked != d.saved.acked || c.limit != d.saved.limit || len(done) > 0 || last {
		if err = d.saveCursor(c); err == nil {
			d.saved = c
		}
	}
	for excess := bytesDone(done) - d.o.MaxBytes; len(done) > 0 && (err == nil || excess > 0); done = done[1:] {
		if err != nil {
			// The disk is not to grow without end for want of a cursor. One that is old is worse than none: what is
			// missing would count as damaged.
			_ = d.folder.unlink(atNothing, cursorName)
		}
		excess -= segmentOverhead + done[0].size
		if failure := d.unlinkSegment(done[0]); failure != nil {
			err = failure
			break
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.done = append(done, d.done...)
	d.limit = d.saved.limit
	if err != nil {
		d.trouble(ticking, err)
		return false
	}
	d.well(ticking)
	return true
}

// bytesDone is what the files of segments take up.
func bytesDone(done []*segment) (sum int64) {
	for _, g := range done {
		sum += segmentOverhead + g.size
	}
	return sum
}

// overdue says whether what is done with takes up more than what may wait.
func (d *Disk) overdue() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return bytesDone(d.done) > d.o.MaxBytes
}

func (d *Disk) saveCursor(c cursor) error {
	points := replacePoints{atCursorCreate, atCursorWrite, atCursorSync, atCursorRename, atCursorSynced}
	err := d.folder.replace(points, cursorName, c.encode())
	if err == nil {
		return nil
	}
	// On a full disk, room is made by what the cursor says is done with. A cursor that a crash leaves half written
	// costs nothing but that lines come twice.
	if d.folder.patch(cursorName, c.encode()) == nil {
		return nil
	}
	return err
}

func (d *Disk) unlinkSegment(g *segment) error {
	if g.file != nil {
		g.file.Close()
		g.file = nil
	}
	if err := d.folder.unlink(atSegmentUnlink, g.name()); err != nil {
		return err
	}
	defer wake(d.room)
	return d.folder.hook.at(atSegmentGone)
}
