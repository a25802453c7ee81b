package spool

import (
	"encoding/binary"
	"errors"
)

// cursor is what the file of that name says, 40 bytes: "dpcursr1", acked uint64, synced uint64, limit uint64, 4 bytes of
// zero, CRC-32C of the 36 bytes before; numbers are little-endian.
type cursor struct {
	acked  uint64 // all lines below this number are done with
	synced uint64 // all lines below this number were written to the disk itself
	limit  uint64 // no line has this number yet, or a larger one
}

const (
	cursorMagic = "dpcursr1"
	cursorBytes = 40
)

var errCursor = errors.New("it is damaged")

func (c cursor) encode() []byte {
	b := append(make([]byte, 0, cursorBytes), cursorMagic...)
	b = binary.LittleEndian.AppendUint64(b, c.acked)
	b = binary.LittleEndian.AppendUint64(b, c.synced)
	b = binary.LittleEndian.AppendUint64(b, c.limit)
	b = append(b, 0, 0, 0, 0)
	return binary.LittleEndian.AppendUint32(b, checksum(b))
}

func parseCursor(b []byte) (cursor, error) {
	if len(b) != cursorBytes || string(b[:8]) != cursorMagic || binary.LittleEndian.Uint32(b[36:]) != checksum(b[:36]) {
		return cursor{}, errCursor
	}
	c := cursor{
		acked:  binary.LittleEndian.Uint64(b[8:]),
		synced: binary.LittleEndian.Uint64(b[16:]),
		limit:  binary.LittleEndian.Uint64(b[24:]),
	}
	if c.acked > c.limit || c.synced > c.limit || c.limit > maxSeq || binary.LittleEndian.Uint32(b[32:]) != 0 {
		return cursor{}, errCursor
	}
	return c, nil
}
