package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
)

// A record is all that one check keeps, as one value of the file: it is whole, or it is not used. Its key is the
// check's name.
//
//	byte     recordVersion
//	uint32   CRC-32C of the key and of all that follows, little-endian
//	uvarint  unix time in seconds since when no script has the check, 0: one has
//	uvarint  number of entries; of each, in the order of their keys:
//	         kind and name, with the length of both as uvarint in front
//	         value, with its length as uvarint in front
const recordVersion = 1

const recordHead = 1 + 4

// The kinds of entries. The kind is the first byte of an entry's key: what rate remembers of a counter does not
// get in the way of a value of that name.
const (
	kindValue = 'v'
	kindDelta = 'd' // a sample, see counter.go
	kindRate  = 'r' // likewise
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// record is what one check keeps.
type record struct {
	entries map[string]string // by kind and name
	bytes   int               // of keys and values
	gone    int64             // unix seconds, 0: a script has the check
}

func entryBytes(key, value string) int { return len(key) + len(value) }

func appendRecord(dst []byte, name string, r *record) []byte {
	start := len(dst)
	dst = append(dst, recordVersion, 0, 0, 0, 0)
	dst = binary.AppendUvarint(dst, uint64(r.gone))
	dst = binary.AppendUvarint(dst, uint64(len(r.entries)))
	for _, key := range slices.Sorted(maps.Keys(r.entries)) {
		dst = binary.AppendUvarint(dst, uint64(len(key)))
		dst = append(dst, key...)
		dst = binary.AppendUvarint(dst, uint64(len(r.entries[key])))
		dst = append(dst, r.entries[key]...)
	}
	binary.LittleEndian.PutUint32(dst[start+1:], recordSum(name, string(dst[start+recordHead:])))
	return dst
}

func recordSum(name, body string) uint32 {
	return crc32.Update(crc32.Checksum([]byte(name), castagnoli), castagnoli, []byte(body))
}

// errSum is a record that is not what was written.
var errSum = errors.New("its checksum is wrong")

func decodeRecord(name, data string) (*record, error) {
	if len(data) < recordHead {
		return nil, errCut
	}
	if recordSum(name, data[recordHead:]) != binary.LittleEndian.Uint32([]byte(data[1:recordHead])) {
		return nil, errSum
	}
	if data[0] != recordVersion {
		return nil, fmt.Errorf("it is of version %d, and this is a dumbprobe that knows version %d", data[0], recordVersion)
	}
	rest := data[recordHead:]
	gone, err := cutUvarint(&rest)
	if err != nil {
		return nil, err
	}
	n, err := cutUvarint(&rest)
	if err != nil {
		return nil, err
	}
	r := &record{entries: map[string]string{}, gone: int64(gone)}
	if r.gone < 0 {
		return nil, errors.New("a time is out of range")
	}
	last := ""
	for range n {
		key, err := cutString(&rest)
		if err != nil {
			return nil, err
		}
		value, err := cutString(&rest)
		if err != nil {
			return nil, err
		}
		if key <= last {
			return nil, errors.New("its names are not in order")
		}
		if err := validEntry(key, value); err != nil {
			return nil, fmt.Errorf("%q: %w", key[1:], err)
		}
		last = key
		r.entries[key] = value
		r.bytes += entryBytes(key, value)
	}
	if rest != "" {
		return nil, fmt.Errorf("%d bytes follow it", len(rest))
	}
	return r, nil
}

func validEntry(key, value string) error {
	switch key[0] {
	case kindValue:
		return valid(value)
	case kindDelta, kindRate:
		_, err := decodeSample(value)
		return err
	}
	return fmt.Errorf("the kind %q is not known", key[0])
}
