package spool

import (
	"fmt"
	"os"
	"sync"
	"time"
)

// Options of a spool on disk.
type Options struct {
	Path        string        // its folder; made if it is not there, its parent must be
	Destination string        // is written into the folder, for people
	MaxBytes    int64         // DefaultMaxBytes if 0
	SyncEvery   time.Duration // how much a power cut may cost; 0 has each line written to the disk itself at once
	Notify      func(Notice)  // hears of trouble, from a goroutine of its own; may be nil

	// For tests.
	segmentBytes, heldBytes, cacheBytes int64
	stall, retry                        time.Duration
	hook                                hook
	kernel                              kernel
}

const (
	// MinDiskBytes is the smallest limit of a spool on disk.
	MinDiskBytes = 256 << 10

	maxSegmentBytes = 8 << 20
	minSegmentBytes = 32 << 10

	// segmentOverhead is what each segment counts on top of its records: at least a block of the file system.
	segmentOverhead = 4096

	// cacheBytes is how much of what is written is kept in memory, too: a peer that keeps up is never read for from the
	// disk.
	cacheBytes = 256 << 10

	// writeBytes is how much is written at once, but for one longer line.
	writeBytes = 256 << 10

	// stallAfter is how long Append waits for a disk that does not answer. From then on, and until the disk answers,
	// lines wait in memory, and Append for nothing.
	stallAfter = 100 * time.Millisecond

	// promptly is the part of that for which a wait does not count against the patience with a slow disk: a millisecond.
	promptly = 100

	// syncPatience is how many times that may be waited in a second where each line is synced.
	syncPatience = 5

	retryFirst = time.Second // after something failed
	retryLast  = 30 * time.Second

	// closeGrace is how long Close waits for a disk that does not answer.
	closeGrace = 3 * time.Second

	// epoch is by how much the numbers go on after a process that was killed: it may have given some that no record
	// tells of. They are reserved in the cursor, before the first line, and again before the half of them is used.
	epoch = 1 << 32
)

// Disk is a Spool whose lines outlive the process. It promises:
//
//   - A line that Append has returned for survives a kill: Append returns when the kernel has it. But Append waits for
//     at most a tenth of a second, and all of them together for two in any second (which a wait of less than a
//     millisecond does not count for, and which does not hold where SyncEvery is 0). While the disk does not answer, is
//     slower than that, or takes nothing because it is full, broken or read-only, lines wait in memory, up to the size
//     of a segment (the oldest of them make room and are counted as unwritten), are delivered from there, and are
//     written as soon as that is possible.
//   - A power cut costs what was handed over in the last SyncEvery, and what the disk takes to write that.
//   - Damage costs the lines it is in, each of which is counted as damaged when it is come across.
//   - Lines that were acknowledged less than SyncEvery (but no less than a second) before a kill or a power cut come again.
//   - A number is given to one line only, also after a kill.
//
// In memory are lines of at most cacheBytes, those not written yet, and what Next has read ahead, which is one chunk of
// 256 KiB; on disk are segments of together MaxBytes at most, and, for a moment, those that are done with. When there is
// no room, the oldest segment goes as a whole; a segment has an eighth of MaxBytes, but 8 MiB at most.
type Disk struct {
	o      Options
	folder *folder
	lock   *os.File // held as long as it is open
	id     string

	ready    chan struct{}
	writeNow chan struct{} // there is something to write, or the spool is closed
	room     chan struct{} // something was unlinked, which a writer that waits for room may use
	syncSoon chan struct{} // there is something to sync
	syncNow  chan struct{} // there is something to remove
	stop     chan struct{} // closed by Close
	written  chan struct{} // closed when the writer has ended
	synced   chan struct{} // closed when the syncer has ended
	notices  chan Notice

	mu             sync.Mutex // protects the following
	segs           []*segment // oldest first; new lines go to the last one
	done           []*segment // out of use: to be unlinked after the cursor was synced
	unwritten      queue[held]
	cached         queue[held] // written, and followed by unwritten, if nothing was dropped between
	unwrittenBytes int64
	cachedBytes    int64
	next           uint64 // number of the next line
	limit          uint64 // no number at or above it is given before that is in the cursor
	wroteTo        uint64 // number behind that of the last line written
	newNames       bool   // the folder has to be synced
	usage          int64  // of segs, against MaxBytes
	lines          int    // waiting in segs
	waiting        int64  // bytes of their records
	restored       int    // lines found when it was opened
	out            queue[flight]
	pushedLines    int // of out, those whose segment was dropped meanwhile
	pushedBytes    int64
	pos            uint64 // number of the line that Next hands out next, or one before it
	ackedAt        int64  // when the line came that was acknowledged last
	droppedLines   uint64
	droppedBytes   uint64
	damagedLines   uint64
	unwrittenLines uint64
	ill            [troubles]bool
	attempt        chan struct{} // closed, and made anew, after each attempt to write
	stalled        bool          // the present attempt to write takes too long
	slow           bool          // the patience with the disk is over, and has not come back
	patience       patience
	calming        *time.Timer // sees whether it has; nil if it was never slow
	failing        bool        // the last attempt to write failed
	closed         bool
	again          *time.Timer // wakes the sender after a failure to read; nil if there was none

	read reader // owned by the sender

	oneSync sync.Mutex // held while it is synced; taken before mu, and protects the following
	saved   cursor     // what is on the disk
}

// held is a line in memory.
type held struct {
	line []byte
	seq  uint64
	at   int64 // ns since 1970
	off  int64 // where its record is, or will be
	seg  *segment
}

// flight is a line that is out.
type flight struct {
	seq    uint64
	at     int64
	length int
	end    int64 // where its record ends
	seg    *segment
	pushed bool // its segment was dropped: it is lost unless it is acknowledged
}

// ID tells this spool from all others, for as long as its folder is there.
func (d *Disk) ID() string { return d.id }

// Restored is how many lines were there when it was opened.
func (d *Disk) Restored() int { return d.restored }

// Append implements Spool.
func (d *Disk) Append(line []byte) (dropped int) {
	need := recordBytes(len(line))
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.droppedLines
	if d.closed || len(line) > maxLine || segmentOverhead+need > d.o.MaxBytes {
		d.drop(1, int64(len(line)))
		return 1
	}
	tail := d.tail(need)
	for {
		more := need
		if tail == nil {
			more += segmentOverhead
		}
		if len(d.segs) == 0 || d.usage+more <= d.o.MaxBytes {
			break
		}
		d.pushOut(0)
		tail = d.tail(need)
	}
	now := time.Now().UnixNano()
	if tail == nil {
		tail = &segment{first: d.next, end: d.next, from: d.next, written: d.next, off: headerBytes, at: now}
		d.segs = append(d.segs, tail)
		d.usage += segmentOverhead
	}
	e := held{line: line, seq: d.next, at: now, off: headerBytes + tail.records, seg: tail}
	d.unwritten.push(e)
	d.unwrittenBytes += need
	d.next++
	tail.end = d.next
	tail.records += need
	d.usage += need
	tail.lines++
	d.lines++
	tail.waiting += need
	d.waiting += need
	if d.failing || d.stalled || d.slow {
		for d.unwrittenBytes > d.o.heldBytes {
			d.pushOutUnwritten()
		}
	}
	if d.next+epoch/2 > d.limit {
		wake(d.syncSoon)
	}
	dropped = int(d.droppedLines - before)
	wake(d.ready)
	wake(d.writeNow)
	d.await(e.seq)
	return dropped
}

// tail is the segment that takes a record of need bytes; nil if a new one has to be begun.
func (d *Disk) tail(need int64) *segment {
	if len(d.segs) == 0 {
		return nil
	}
	g, limit := d.segs[len(d.segs)-1], d.o.segmentBytes
	if d.failing {
		limit /= 8 // what is dropped for want of memory is a segment
	}
	if g.sealed || g.end != d.next || g.records > 0 && headerBytes+g.records+need > limit {
		return nil
	}
	return g
}

// await waits until a line is written, or will not be in time. The caller holds mu, which is released meanwhile.
func (d *Disk) await(seq uint64) {
	if d.slow && !d.patient() {
		return
	}
	began := time.Now()
	timer := time.NewTimer(d.o.stall)
	defer timer.Stop()
	for d.unwritten.len > 0 && d.unwritten.front().seq <= seq && !d.failing && !d.stalled && !d.closed {
		attempt := d.attempt
		d.mu.Unlock()
		select {
		case <-attempt:
			d.mu.Lock()
			continue
		case <-timer.C:
			d.mu.Lock()
		}
		if attempt == d.attempt && !d.closed {
			d.stalled = true
			d.trouble(writing, fmt.Errorf("the disk does not answer; %s", d.folder.path))
		}
		break
	}
	now := time.Now()
	d.waited(now, now.Sub(began))
}

// pushOut drops the segment at i. Which of its lines that are out are lost, is seen when they are back.
func (d *Disk) pushOut(i int) (lost int) {
	g := d.segs[i]
	flying, bytes := 0, int64(0)
	for f := range d.out.all {
		if f.seg == g && !f.pushed {
			f.pushed = true
			flying++
			bytes += recordBytes(f.length)
		}
	}
	d.pushedLines += flying
	d.pushedBytes += bytes
	lost = g.lines - flying
	d.drop(lost, g.waiting-bytes-headerBytes*int64(lost))
	d.remove(i)
	return lost
}

// pushOutUnwritten drops the oldest segment of which nothing is written.
func (d *Disk) pushOutUnwritten() {
	g := d.unwritten.front().seg
	if g.written > g.first {
		d.split(g)
		g = d.unwritten.front().seg
	}
	for i := range d.segs {
		if d.segs[i] == g {
			d.unwrittenLines += uint64(d.pushOut(i))
			return
		}
	}
}

// split moves the lines of a segment that are not written to one of their own.
func (d *Disk) split(g *segment) {
	g.sealed = true
	if g.written == g.end {
		return
	}
	g.plan++
	n := &segment{first: g.written, end: g.end, written: g.written, off: headerBytes}
	for e := range d.unwritten.all {
		if e.seg != g {
			continue
		}
		e.seg, e.off = n, headerBytes+n.records
		if n.records == 0 {
			n.at = e.at
		}
		n.records += recordBytes(len(e.line))
		if e.seq >= g.from {
			n.lines++
			n.waiting += recordBytes(len(e.line))
		}
	}
	for f := range d.out.all {
		if f.seg == g && f.seq >= n.first {
			f.seg = n
		}
	}
	n.from = max(n.first, g.from)
	g.end, g.from = n.first, min(g.from, n.first)
	g.lines -= n.lines
	g.waiting -= n.waiting
	g.records -= n.records
	d.usage += segmentOverhead
	for i := range d.segs {
		if d.segs[i] == g {
			d.segs = append(d.segs[:i+1], append([]*segment{n}, d.segs[i+1:]...)...)
			break
		}
	}
}

// remove takes the segment at i out of use, with all that is held of it.
func (d *Disk) remove(i int) {
	g := d.segs[i]
	if i == 0 {
		d.segs[0] = nil
		d.segs = d.segs[1:]
	} else {
		d.segs = append(d.segs[:i], d.segs[i+1:]...)
	}
	d.usage -= segmentOverhead + g.records
	d.lines -= g.lines
	d.waiting -= g.waiting
	g.lines, g.waiting = 0, 0
	g.gone = true
	d.forget(g.end)
	for d.unwritten.len > 0 && d.unwritten.front().seg == g {
		d.unwrittenBytes -= recordBytes(len(d.unwritten.front().line))
		d.unwritten.pop()
	}
	if !g.busy {
		d.bury(g)
	}
}

// forget lets go of the cached lines below a number.
func (d *Disk) forget(end uint64) {
	for d.cached.len > 0 && d.cached.front().seq < end {
		d.cachedBytes -= recordBytes(len(d.cached.front().line))
		d.cached.pop()
	}
}

// bury has the file of a segment that is gone be unlinked.
func (d *Disk) bury(g *segment) {
	if g.size > 0 || g.file != nil {
		d.done = append(d.done, g)
		wake(d.syncNow)
	}
}

// trim removes the segments at the front of which nothing is left.
func (d *Disk) trim() {
	for len(d.segs) > 0 && d.segs[0].lines == 0 {
		if g := d.segs[0]; len(d.segs) == 1 && !g.sealed {
			// It takes what comes next.
			g.from = g.end
			d.waiting -= g.waiting
			g.waiting = 0
			return
		}
		d.remove(0)
	}
}

func (d *Disk) drop(lines int, bytes int64) {
	d.droppedLines += uint64(lines)
	d.droppedBytes += uint64(max(bytes, 0))
}

// Ack implements Spool. An n larger than what is out counts as all of it.
func (d *Disk) Ack(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for ; n > 0 && d.out.len > 0; n-- {
		f := d.out.front()
		bytes := recordBytes(f.length)
		if f.pushed {
			d.pushedLines--
			d.pushedBytes -= bytes
		} else {
			f.seg.from, f.seg.off = f.seq+1, f.end
			f.seg.lines--
			d.lines--
			f.seg.waiting -= bytes
			d.waiting -= bytes
		}
		d.ackedAt = f.at
		d.forget(f.seq + 1)
		d.out.pop()
	}
	d.trim()
	wake(d.syncSoon)
}

// Rewind implements Spool.
func (d *Disk) Rewind() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for ; d.out.len > 0; d.out.pop() {
		if f := d.out.front(); f.pushed {
			d.drop(1, int64(f.length))
		}
	}
	d.pushedLines, d.pushedBytes = 0, 0
	d.pos = 0
}

// Stats implements Spool.
func (d *Disk) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := Stats{
		Lines:          d.lines + d.pushedLines,
		Bytes:          d.waiting + d.pushedBytes,
		DroppedLines:   d.droppedLines,
		DroppedBytes:   d.droppedBytes,
		DamagedLines:   d.damagedLines,
		UnwrittenLines: d.unwrittenLines,
	}
	if s.Lines > 0 {
		s.Oldest = max(time.Duration(time.Now().UnixNano()-d.oldest()), 0)
	}
	return s
}

// oldest is when the oldest line that waits came; before the sender has come to it, the nearest known time before.
func (d *Disk) oldest() int64 {
	if d.out.len > 0 {
		return d.out.front().at
	}
	if len(d.segs) == 0 {
		return time.Now().UnixNano()
	}
	g := d.segs[0]
	for _, q := range []*queue[held]{&d.cached, &d.unwritten} {
		if q.len > 0 && q.front().seq == g.from {
			return q.front().at
		}
	}
	if g.from == g.first {
		return g.at
	}
	return max(g.at, d.ackedAt)
}

// Ready implements Spool.
func (d *Disk) Ready() <-chan struct{} { return d.ready }

// Close implements Spool. What waits is kept for the next process that opens the folder; only lines that cannot be
// written are dropped. The error is why they cannot, or that the disk does not answer, in which case what hangs is left
// behind, and the folder stays locked.
func (d *Disk) Close() error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.closed = true
	if d.again != nil {
		d.again.Stop()
	}
	if d.calming != nil {
		d.calming.Stop()
	}
	d.mu.Unlock()
	close(d.stop)
	var err error
	grace := time.NewTimer(closeGrace)
	defer grace.Stop()
	select {
	case <-d.synced:
	case <-grace.C:
		err = fmt.Errorf("%s: the disk does not answer", d.folder.path)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	lost := d.unwrittenLines
	for d.unwritten.len > 0 {
		d.pushOutUnwritten()
	}
	if err == nil && d.unwrittenLines > lost {
		err = fmt.Errorf("%s: %d lines that waited in memory could not be written", d.folder.path, d.unwrittenLines-lost)
	}
	select {
	case <-d.synced:
		d.read.close()
		d.lock.Close()
		d.folder.close()
		close(d.notices)
	default:
	}
	return err
}

// wake has a goroutine look once more.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
