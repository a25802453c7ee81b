package spool

import (
	"bytes"
	"io"
)

// scanner reads the records of one segment and leaves out what is damaged.
type scanner struct {
	file   io.ReaderAt
	size   int64 // of the segment; what lies behind is not looked at
	buf    []byte
	bufOff int64 // where buf lies in the file
}

const (
	scanChunk = 256 << 10
	pageBytes = 4096
)

// at returns the bytes from off on: at least want of them, or all up to the end.
func (s *scanner) at(off, want int64) []byte {
	want = min(want, s.size-off)
	if want <= 0 {
		return nil
	}
	if off >= s.bufOff && off+want <= s.bufOff+int64(len(s.buf)) {
		return s.buf[off-s.bufOff:]
	}
	n := int(min(max(want, int64(scanChunk)), s.size-off))
	if cap(s.buf) < n {
		s.buf = make([]byte, n)
	}
	s.buf, s.bufOff = s.buf[:n], off
	if got, err := s.file.ReadAt(s.buf, off); err != nil && got < n {
		s.readPages(got)
	}
	return s.buf
}

// readPages fills buf from the byte got on, with zeros where the disk cannot be read or the file has ended: that
// costs the records there alone.
func (s *scanner) readPages(got int) {
	clear(s.buf[got:])
	for got < len(s.buf) {
		page := s.buf[got:min(got+pageBytes, len(s.buf))]
		n, err := s.file.ReadAt(page, s.bufOff+int64(got))
		if err == io.EOF {
			return
		}
		if err != nil {
			clear(page[n:])
		}
		got += len(page)
	}
}

// next returns the first whole record at off or behind it whose number is between lo and hi, hi excluded; ok is false if
// there is none.
func (s *scanner) next(off int64, lo, hi uint64) (r record, ok bool) {
	for s.size-off >= headerBytes {
		b := s.at(off, headerBytes)
		r, want, whole := parseRecord(b)
		if want > int64(len(b)) && off+want <= s.size {
			b = s.at(off, want)
			r, want, whole = parseRecord(b)
		}
		switch {
		case want == 0 || off+want > s.size || r.seq >= hi:
			off = s.mark(off + 1)
		case !whole || r.seq < lo:
			off += want // where the line is damaged, its length is not
		default:
			r.off = off
			return r, true
		}
	}
	return record{}, false
}

// mark returns where the next mark is, at off or behind it; the end if there is none.
func (s *scanner) mark(off int64) int64 {
	for s.size-off >= headerBytes {
		b := s.at(off, headerBytes)
		if i := bytes.Index(b, []byte(recordMark)); i >= 0 {
			return off + int64(i)
		}
		off += int64(len(b) - len(recordMark) + 1)
	}
	return s.size
}
