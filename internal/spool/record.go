package spool

import (
	"encoding/binary"
	"hash/crc32"
)

// A segment is a file of a header and records, one after another. All numbers are little-endian; checksums are
// CRC-32C (Castagnoli).
//
//	header, 32 bytes: "dpspool1", first uint64, follows uint64, 4 bytes of zero, checksum of the 28 bytes before
//	record, 32 bytes and the line: mark 4 bytes, length uint32, number uint64, time int64 (ns since 1970),
//	        checksum of the line, checksum of the 28 bytes before
//
// first is the number of the first record, also in the name of the file; the records of a segment are numbered
// without a gap. follows is the number that would follow the last record of the segment before: what is missing
// between the two is damage, unless it was never written (first is then larger than follows).
//
// A segment that was not ended properly may end in a part of a record, or in zeros: nothing is written behind them. What
// is behind the number with which the next segment goes on does not count.
//
// The length has a checksum of its own, so that a damaged line costs nothing but itself. The mark begins with bytes
// that no UTF-8 text has, and so no line: looking for it finds a record, not what a line pretends to be one.
const (
	headerBytes  = 32
	segmentMagic = "dpspool1"
	recordMark   = "\xff\xfeR\x01"

	// maxLine is the longest line that a disk takes, in bytes. A length above it is damage.
	maxLine = 64 << 20

	// maxSeq bounds the numbers of lines, so that adding to one never overflows. A larger one is damage.
	maxSeq = 1 << 63
)

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

func recordBytes(length int) int64 { return headerBytes + int64(length) }

// appendRecord appends a record to b.
func appendRecord(b, line []byte, seq uint64, at int64) []byte {
	start := len(b)
	b = append(b, recordMark...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(line)))
	b = binary.LittleEndian.AppendUint64(b, seq)
	b = binary.LittleEndian.AppendUint64(b, uint64(at))
	b = binary.LittleEndian.AppendUint32(b, checksum(line))
	b = binary.LittleEndian.AppendUint32(b, checksum(b[start:]))
	return append(b, line...)
}

func segmentHeader(first, follows uint64) []byte {
	b := append(make([]byte, 0, headerBytes), segmentMagic...)
	b = binary.LittleEndian.AppendUint64(b, first)
	b = binary.LittleEndian.AppendUint64(b, follows)
	b = append(b, 0, 0, 0, 0)
	return binary.LittleEndian.AppendUint32(b, checksum(b))
}

func parseSegmentHeader(b []byte) (first, follows uint64, ok bool) {
	if len(b) < headerBytes || string(b[:8]) != segmentMagic || binary.LittleEndian.Uint32(b[28:]) != checksum(b[:28]) {
		return 0, 0, false
	}
	first, follows = binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[16:])
	return first, follows, first >= follows && first <= maxSeq
}

// record is one that was read. line is part of the reader's buffer.
type record struct {
	seq  uint64
	at   int64 // ns since 1970
	line []byte
	off  int64 // where it begins in its segment
}

func (r record) end() int64 { return r.off + recordBytes(len(r.line)) }

// parseRecord reads the record that begins with b. want is how many bytes it has, 0 if there is no record here;
// ok says that all of it is in b and its line is whole.
func parseRecord(b []byte) (r record, want int64, ok bool) {
	if len(b) < headerBytes || string(b[:4]) != recordMark || binary.LittleEndian.Uint32(b[28:]) != checksum(b[:28]) {
		return record{}, 0, false
	}
	length := binary.LittleEndian.Uint32(b[4:])
	if length > maxLine {
		return record{}, 0, false
	}
	r.seq, r.at = binary.LittleEndian.Uint64(b[8:]), int64(binary.LittleEndian.Uint64(b[16:]))
	want = recordBytes(int(length))
	if int64(len(b)) < want {
		return r, want, false
	}
	r.line = b[headerBytes:want]
	return r, want, binary.LittleEndian.Uint32(b[24:]) == checksum(r.line)
}
