package peers

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// FluentChunk is a chunk as it came.
type FluentChunk struct {
	Tag, ID    string
	Size       int // what it says to be its number of records
	Compressed bool
	Times      []time.Time
	Records    []string // as JSON
}

// ReadFluentChunk reads [tag, entries, options].
func ReadFluentChunk(r *msgp.Reader) (c FluentChunk, err error) {
	n, err := r.ReadArrayHeader()
	if err != nil || n != 3 {
		return c, fmt.Errorf("a list of %d: %w", n, err)
	}
	if c.Tag, err = r.ReadString(); err != nil {
		return c, err
	}
	entries, err := r.ReadBytes(nil)
	if err != nil {
		return c, err
	}
	options := map[string]any{}
	if err := r.ReadMapStrIntf(options); err != nil {
		return c, err
	}
	c.ID, _ = options["chunk"].(string)
	size, _ := options["size"].(int64)
	c.Size = int(size)
	if c.Compressed = options["compressed"] == "gzip"; c.Compressed {
		if entries, err = Gunzip(entries); err != nil {
			return c, err
		}
	}
	for len(entries) > 0 {
		const head = 1 + 2 + 8 // a list of two, and the header and the body of an extension
		if len(entries) < head || !bytes.HasPrefix(entries, []byte{0x92, 0xd7, 0x00}) {
			return c, fmt.Errorf("no entry: % x", entries[:min(len(entries), head)])
		}
		seconds, nanoseconds := binary.BigEndian.Uint32(entries[3:]), binary.BigEndian.Uint32(entries[7:])
		c.Times = append(c.Times, time.Unix(int64(seconds), int64(nanoseconds)).UTC())
		rest, err := msgp.Skip(entries[head:])
		if err != nil {
			return c, err
		}
		var record bytes.Buffer
		if _, err := msgp.UnmarshalAsJSON(&record, entries[head:len(entries)-len(rest)]); err != nil {
			return c, err
		}
		c.Records = append(c.Records, record.String())
		entries = rest
	}
	return c, nil
}

// FluentAck acknowledges the chunk with an id.
func FluentAck(id string) []byte {
	return msgp.AppendString(msgp.AppendString(msgp.AppendMapHeader(nil, 1), "ack"), id)
}
