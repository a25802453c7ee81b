package spool

import (
	"bytes"
	"maps"
	"path/filepath"
	"slices"
	"testing"
)

// What the scanner finds in any bytes are records that lie there, in their order, within the numbers asked for.
func FuzzSegment(f *testing.F) {
	whole := segmentHeader(5, 5)
	for i, line := range numbered(5, 9) {
		whole = appendRecord(whole, []byte(line), uint64(5+i), 1)
	}
	f.Add(whole, uint64(5), uint64(9))
	f.Add(whole[:len(whole)-3], uint64(6), uint64(1<<63))
	f.Add(append(bytes.Clone(whole[:70]), whole[75:]...), uint64(0), uint64(8))
	f.Add([]byte(recordMark), uint64(0), uint64(1))
	f.Add(bytes.Repeat([]byte(recordMark), 30), uint64(0), uint64(1))
	f.Fuzz(func(t *testing.T, b []byte, lo, hi uint64) {
		_, _, _ = parseSegmentHeader(b)
		s := scanner{file: bytes.NewReader(b), size: int64(len(b))}
		off := int64(0)
		for {
			r, ok := s.next(off, lo, hi)
			if !ok {
				break
			}
			if r.off < off || r.end() > int64(len(b)) || r.seq < lo || r.seq >= hi {
				t.Fatalf("the record %d is at %d to %d; looked for from %d on, of %d bytes, numbers %d to %d", r.seq, r.off, r.end(), off, len(b), lo, hi)
			}
			if again := appendRecord(nil, r.line, r.seq, r.at); !bytes.Equal(again, b[r.off:r.end()]) {
				t.Fatal("the record is not what is in the file")
			}
			off, lo = r.end(), r.seq+1
		}
		if n := s.torn(off, lo, hi); n > epoch/2 {
			t.Fatalf("the end tells of %d lines", n)
		}
	})
}

func FuzzCursor(f *testing.F) {
	f.Add(cursor{acked: 1, synced: 2, limit: 3}.encode())
	f.Add([]byte(cursorMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseCursor(b)
		if err == nil && (!bytes.Equal(c.encode(), b) || c.acked > c.limit) {
			t.Fatalf("%+v of %x", c, b)
		}
	})
}

func FuzzIdentity(f *testing.F) {
	f.Add(newIdentity("tcp:a:1").encode())
	f.Add([]byte(idMagic + "\nid \nfor \n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if i, err := parseIdentity(b); err == nil && len(i.id) != idLength {
			t.Fatalf("%+v", i)
		}
	})
}

func FuzzSegmentName(f *testing.F) {
	f.Add((&segment{first: 17}).name())
	f.Fuzz(func(t *testing.T, name string) {
		first, ok := parseSegmentName(name)
		if ok && (&segment{first: first}).name() != name {
			t.Fatalf("%q counts as the name of %d", name, first)
		}
	})
}

// FuzzDamage writes something into a file of a good spool, or cuts it off: what comes are lines that were handed over.
func FuzzDamage(f *testing.F) {
	const lines = 14
	files := small(f, lines, 5, kill)
	names := slices.Sorted(maps.Keys(files))
	for i := range names {
		f.Add(uint8(i), uint16(8), []byte{0xff}, false)
		f.Add(uint8(i), uint16(20), []byte{}, true)
	}
	dir := filepath.Join(f.TempDir(), "spool")
	f.Fuzz(func(t *testing.T, file uint8, at uint16, patch []byte, cut bool) {
		name := names[int(file)%len(names)]
		whole := files[name]
		begin := int(at) % (len(whole) + 1)
		damaged := append(bytes.Clone(whole[:begin]), patch...)
		if !cut && len(damaged) < len(whole) {
			damaged = append(damaged, whole[len(damaged):]...)
		}
		all := maps.Clone(files)
		all[name] = damaged
		restore(t, dir, all)
		takeDamaged(t, dir, numbered(0, lines))
	})
}

// What a line that holds the bytes of a record looks like is no record.
func TestALineIsNoRecord(t *testing.T) {
	inner := string(appendRecord(nil, []byte("x"), 6, 1))
	b := appendRecord(segmentHeader(5, 5), []byte(inner), 5, 1)
	s := scanner{file: bytes.NewReader(b), size: int64(len(b))}
	if r, ok := s.next(headerBytes, 5, 9); !ok || r.seq != 5 {
		t.Fatal("the line does not come")
	} else if _, ok := s.next(r.end(), 6, 9); ok {
		t.Error("what is in the line counts as a record")
	}
}
