package spool

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// job is what the writer does at once.
type job struct {
	seg  *segment
	plan int      // of seg when it was begun
	file *os.File // nil if it has to be made
	off  int64
	buf  []byte
	to   uint64 // number behind that of the last line in buf
}

// runWriter writes what is handed over, until the spool is closed. Nothing else writes to segments.
func (d *Disk) runWriter() {
	defer close(d.written)
	var buf []byte
	wait := d.o.retry
	for {
		d.mu.Lock()
		j, ok := d.job(buf[:0])
		closed := d.closed
		d.mu.Unlock()
		if !ok {
			if closed {
				return
			}
			select {
			case <-d.writeNow:
			case <-d.stop:
			}
			continue
		}
		buf = j.buf
		began := time.Now()
		file, err := d.write(j)
		d.wrote(j, file, err, time.Since(began))
		if cap(buf) > 2*writeBytes {
			buf = nil // it was a long line
		}
		if err == nil {
			wait = d.o.retry
			continue
		}
		if closed {
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-d.room:
			timer.Stop()
		case <-d.stop:
			timer.Stop()
		}
		wait = min(2*wait, retryLast)
	}
}

// job puts together what is to be written next. The caller holds mu.
func (d *Disk) job(buf []byte) (job, bool) {
	if d.unwritten.len == 0 {
		return job{}, false
	}
	e := d.unwritten.front()
	g := e.seg
	j := job{seg: g, plan: g.plan, file: g.file, off: g.size}
	if g.size == 0 {
		buf = append(buf, segmentHeader(g.first, min(d.wroteTo, g.first))...)
	}
	for e := range d.unwritten.all {
		if e.seg != g || len(buf) > headerBytes && len(buf)+len(e.line) > writeBytes {
			break
		}
		buf = appendRecord(buf, e.line, e.seq, e.at)
		j.to = e.seq + 1
	}
	j.buf = buf
	g.busy = true
	return j, true
}

// write returns the file, which may be new. After an error, what the file has behind j.off does not count.
func (d *Disk) write(j job) (*os.File, error) {
	file, fresh := j.file, j.file == nil
	if fresh {
		var err error
		if file, err = d.createSegment(j.seg.name()); err != nil {
			return nil, err
		}
	}
	_, err := d.folder.write(atSegmentWrite, file, j.buf, j.off)
	if err == nil && d.o.SyncEvery == 0 {
		err = d.folder.sync(atSegmentSync, file)
		if err == nil && fresh {
			err = d.folder.syncFolder(atSegmentSynced)
		}
	}
	if err == nil {
		return file, nil
	}
	if fresh {
		file.Close()
		_ = d.folder.unlink(atNothing, j.seg.name())
		return nil, err
	}
	_ = d.folder.truncate(atSegmentCut, file, j.off) // for the room; the next segment tells that the rest does not count
	return file, err
}

func (d *Disk) createSegment(name string) (*os.File, error) {
	file, err := d.folder.create(atSegmentCreate, name)
	if errors.Is(err, unix.EEXIST) {
		// Of an attempt that failed: no number is given twice.
		if err := d.folder.unlink(atNothing, name); err != nil {
			return nil, err
		}
		return d.folder.create(atSegmentCreate, name)
	}
	return file, err
}

// wrote books the outcome of a job, and how long it took.
func (d *Disk) wrote(j job, file *os.File, err error, took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := j.seg
	g.busy = false
	close(d.attempt)
	d.attempt = make(chan struct{})
	late := d.stalled
	d.stalled = false
	switch {
	case g.gone:
		g.file = file
		d.bury(g)
	case g.plan != j.plan:
		// Its lines are those of another segment by now.
	case err == nil:
		g.file = file
		g.size = j.off + int64(len(j.buf))
		g.written = j.to
		d.wroteTo = j.to
		if d.o.SyncEvery > 0 {
			g.dirty = true
			d.newNames = d.newNames || j.file == nil
		}
		d.cache(g, j.to)
		wake(d.syncSoon)
	default:
		if g.written > g.first {
			d.split(g)
		}
	}
	if err != nil {
		d.failing = true
		d.trouble(writing, err)
		return
	}
	d.failing = false
	d.attempted(time.Now(), took, late)
	d.well(writing)
}

// cache moves lines that are written now to those that are cached.
func (d *Disk) cache(g *segment, to uint64) {
	for d.unwritten.len > 0 && d.unwritten.front().seq < to {
		e := d.unwritten.front()
		bytes := recordBytes(len(e.line))
		if e.seq >= g.from {
			d.cached.push(*e)
			d.cachedBytes += bytes
		}
		d.unwrittenBytes -= bytes
		d.unwritten.pop()
	}
	for d.cached.len > 0 && d.cachedBytes > d.o.cacheBytes {
		d.forget(d.cached.front().seq + 1)
	}
}
