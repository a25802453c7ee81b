package output

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// fluentChunkBytes is the size of a chunk's entries from which no other is added. A chunk costs the server an
// answer; and the first ones of a batch are to be on their way while the rest is made.
const fluentChunkBytes = 256 << 10

// fluentChunk is a message of the modes PackedForward or CompressedPackedForward.
type fluentChunk struct {
	id    string // what the server acknowledges it by
	bytes []byte // good until the next chunk is made
}

// fluentChunks makes chunks of lines.
type fluentChunks struct {
	tag        fluentTagTemplate
	maxMessage int // bytes

	// Kept for the next chunk.
	entries, out []byte
	zip          *gzip.Writer // nil: not compressed
	zipped       bytes.Buffer
}

func newFluentChunks(tag fluentTagTemplate, zip bool, maxMessage int) *fluentChunks {
	c := &fluentChunks{tag: tag, maxMessage: maxMessage}
	if zip {
		c.zip, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed) // fails for a level that there is not
	}
	return c
}

// tagsOf returns the tag of each line.
func (c *fluentChunks) tagsOf(lines [][]byte) []string {
	tags := make([]string, len(lines))
	for i, line := range lines {
		tags[i] = c.tag.of(line)
	}
	return tags
}

// next makes a chunk of lines of b, from the one with the index first: as many as have one tag and are not too much. It
// says how many these are. A DropError is about the first line.
func (c *fluentChunks) next(b Batch, tags []string, first int) (chunk fluentChunk, lines int, err error) {
	if cap(c.entries) > maxKeptBuffer {
		c.entries, c.out, c.zipped = nil, nil, bytes.Buffer{}
	}
	c.entries = c.entries[:0]
	for i := first; i < len(b.Lines) && tags[i] == tags[first]; i++ {
		begin := len(c.entries)
		c.entries = appendFluentEntry(c.entries, b.Lines[i])
		size := len(c.entries) - begin
		if size > c.maxMessage || len(c.entries) > fluentChunkBytes && i > first {
			if i == first {
				return fluentChunk{}, 0, tooLarge("the message has %d bytes as a record; at most %d are possible (option max_message)", size, c.maxMessage)
			}
			c.entries = c.entries[:begin]
			break
		}
		lines++
	}
	id := fluentChunkID(b, first, lines)
	return fluentChunk{id, c.pack(tags[first], id, lines)}, lines, nil
}

// fluentChunkID identifies a chunk of these lines: the same when the same lines are sent again as one chunk, with 128
// bits, in Base64.
func fluentChunkID(b Batch, first, lines int) string {
	sum := sha256.Sum256([]byte(b.ID(first) + " " + b.ID(first+lines-1)))
	return base64.StdEncoding.EncodeToString(sum[:16])
}

// pack wraps c.entries: [tag, entries, {"size": lines, "chunk": id}].
func (c *fluentChunks) pack(tag, id string, lines int) []byte {
	entries, options := c.entries, uint32(2)
	if c.zip != nil {
		c.zipped.Reset()
		c.zip.Reset(&c.zipped)
		_, _ = c.zip.Write(c.entries) // into memory, which does not fail
		_ = c.zip.Close()
		entries, options = c.zipped.Bytes(), 3
	}
	out := msgp.AppendArrayHeader(c.out[:0], 3)
	out = msgp.AppendString(out, tag)
	out = msgp.AppendBytes(out, entries)
	out = msgp.AppendMapHeader(out, options)
	out = msgp.AppendInt(msgp.AppendString(out, "size"), lines)
	out = msgp.AppendString(msgp.AppendString(out, "chunk"), id)
	if c.zip != nil {
		out = msgp.AppendString(msgp.AppendString(out, "compressed"), "gzip")
	}
	c.out = out
	return out
}

// appendFluentEntry appends [EventTime, record]. EventTime is an extension of the type 0: seconds, then nanoseconds,
// 32 bits each, big-endian.
func appendFluentEntry(dst, line []byte) []byte {
	dst = msgp.AppendArrayHeader(dst, 2)
	dst = append(dst, 0xd7, 0) // fixext 8, of the type 0
	at := len(dst)
	dst, when := appendFluentRecord(append(dst, make([]byte, 8)...), line)
	seconds, nanoseconds, ok := lineTime(when)
	if !ok {
		now := time.Now()
		seconds, nanoseconds = uint32(now.Unix()), uint32(now.Nanosecond())
	}
	binary.BigEndian.PutUint32(dst[at:], seconds)
	binary.BigEndian.PutUint32(dst[at+4:], nanoseconds)
	return dst
}
