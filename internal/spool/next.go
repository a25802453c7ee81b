package spool

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"time"

	"golang.org/x/sys/unix"
)

// reader reads one segment after the other.
type reader struct {
	seg  *segment
	file *os.File
	scan scanner
	pos  uint64 // number of the line that is at off, or behind it
	off  int64
}

func (r *reader) close() {
	if r.file != nil {
		r.file.Close()
	}
	*r = reader{}
}

// batch is what one call of Next hands out.
type batch struct {
	lines    [][]byte
	first    uint64
	n        int
	bytes    int
	maxLines int
	maxBytes int
}

// fits says whether the line seq can be the next one.
func (b *batch) fits(seq uint64, length int) bool {
	return b.n < b.maxLines && (b.n == 0 || seq == b.first+uint64(b.n) && b.bytes+length <= b.maxBytes)
}

// Next implements Spool.
func (d *Disk) Next(maxLines, maxBytes int, into [][]byte) ([][]byte, uint64) {
	b := batch{lines: into, maxLines: maxLines, maxBytes: maxBytes}
	d.mu.Lock()
	defer d.mu.Unlock()
	for b.n < maxLines && !d.closed {
		i := sort.Search(len(d.segs), func(i int) bool { return d.segs[i].end > d.pos })
		for i < len(d.segs) && d.segs[i].from == d.segs[i].end {
			i++ // nothing is left of it
		}
		if i == len(d.segs) {
			if b.n == 0 {
				d.read.close()
			}
			break
		}
		g := d.segs[i]
		pos := max(d.pos, g.from)
		if b.n > 0 && !b.fits(pos, 0) {
			break
		}
		if d.holds(pos) {
			d.read.close()
			d.nextHeld(&b, pos)
			break
		}
		end := g.written
		records, err := d.nextWritten(b, g, pos)
		if g.gone {
			continue // Append has dropped it meanwhile, and counted what was read
		}
		if err != nil {
			d.trouble(reading, err)
			d.again = time.AfterFunc(d.o.retry, func() { wake(d.ready) })
			break
		}
		d.well(reading)
		switch {
		case len(records) > 0:
			d.lose(g, span{pos, records[0].seq})
		case b.n > 0:
			return b.lines, b.first // it is full, or what follows is damaged
		default:
			d.pos = end
			d.lose(g, span{pos, end})
		}
		for _, r := range records {
			d.hand(&b, flight{seq: r.seq, at: r.at, length: len(r.line), end: r.end(), seg: g}, r.line)
		}
	}
	if b.n == 0 {
		b.first = d.next
	}
	return b.lines, b.first
}

// hand adds a line to b.
func (d *Disk) hand(b *batch, f flight, line []byte) {
	if b.n == 0 {
		b.first = f.seq
	}
	b.lines = append(b.lines, line)
	b.n++
	b.bytes += f.length
	d.out.push(f)
	d.pos = f.seq + 1
}

// holds says whether the line of that number is in memory.
func (d *Disk) holds(seq uint64) bool {
	if d.cached.len > 0 {
		return d.cached.front().seq <= seq
	}
	return d.unwritten.len > 0 && d.unwritten.front().seq <= seq
}

// nextHeld hands out lines that are in memory, from the line pos on.
func (d *Disk) nextHeld(b *batch, pos uint64) {
	for _, q := range []*queue[held]{&d.cached, &d.unwritten} {
		for e := range q.all {
			if e.seq < pos {
				continue
			}
			if !b.fits(e.seq, len(e.line)) {
				return
			}
			d.hand(b, flight{seq: e.seq, at: e.at, length: len(e.line), end: e.off + recordBytes(len(e.line)), seg: e.seg}, e.line)
		}
	}
}

// nextWritten reads from the file of g, from the line pos on, what fits into b: lines that follow one another, and what
// is in b already. mu is released meanwhile.
func (d *Disk) nextWritten(b batch, g *segment, pos uint64) (records []record, err error) {
	off, hi, size := g.off, g.written, g.size
	d.mu.Unlock()
	defer d.mu.Lock()
	r := &d.read
	if r.seg != g {
		r.close()
		file, err := d.folder.open(g.name(), unix.O_RDONLY)
		switch {
		case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ELOOP), errors.Is(err, errIrregular):
			return nil, nil // somebody has removed or replaced it: its lines are lost
		case err != nil:
			return nil, err
		}
		*r = reader{seg: g, file: file, scan: scanner{file: hooked{file, d.o.hook}}}
	}
	r.scan.size = size
	if r.pos == pos && r.off > off {
		off = r.off
	}
	for b.n < b.maxLines {
		rec, ok := r.scan.next(off, pos, hi)
		if !ok || !b.fits(rec.seq, len(rec.line)) {
			break
		}
		rec.line = bytes.Clone(rec.line)
		records = append(records, rec)
		if b.n == 0 {
			b.first = rec.seq
		}
		b.n++
		b.bytes += len(rec.line)
		pos, off = rec.seq+1, rec.end()
	}
	r.pos, r.off = pos, off
	return records, nil
}

// lose books lines that cannot be read. The caller holds mu.
func (d *Disk) lose(g *segment, s span) {
	told := len(g.lost) > 0
	n := g.lose(s)
	if n == 0 {
		return
	}
	g.lines -= int(n)
	d.lines -= int(n)
	d.droppedLines += n
	d.damagedLines += n
	if !told {
		d.notify(Notice{Kind: Damaged, Lines: n, Err: fmt.Errorf("%s: the lines %d to %d cannot be read",
			filepath.Join(d.folder.path, g.name()), s.from, s.to-1)})
	}
	d.trim()
}
