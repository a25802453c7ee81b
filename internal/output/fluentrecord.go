package output

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"

	"github.com/tinylib/msgp/msgp"
)

const (
	// fluentTextKey is where a line is put that is no JSON object.
	fluentTextKey = "message"
	// fluentDepth is how deep a record nests, itself included. Fluent Bit's reader of MessagePack gives up at 32, with
	// what is around the record, and takes what follows in the chunk for lost. What is deeper is put as JSON text.
	fluentDepth = 24
)

// appendFluentRecord appends line as a map in MessagePack, members in their order. It also returns the literal of the
// number that the member "time" is; nil if there is none.
func appendFluentRecord(dst, line []byte) (out, time []byte) {
	line = validUTF8(line)
	if !json.Valid(line) {
		dst = msgp.AppendString(msgp.AppendMapHeader(dst, 1), fluentTextKey)
		return msgp.AppendStringFromBytes(dst, line), nil
	}
	r := fluentRecorder{jsonWalker: jsonWalker{json: line}}
	if r.peek() == '{' {
		return r.value(dst, 0), r.time
	}
	dst = msgp.AppendString(msgp.AppendMapHeader(dst, 1), fluentTextKey)
	return r.value(dst, 1), nil
}

type fluentRecorder struct {
	jsonWalker
	time []byte
}

// value appends the value that comes next. depth is how many containers are around it.
func (r *fluentRecorder) value(dst []byte, depth int) []byte {
	switch c := r.peek(); c {
	case '{', '[':
		if depth == fluentDepth {
			return msgp.AppendStringFromBytes(dst, r.skip())
		}
		return r.container(dst, depth+1, c)
	case '"':
		return msgp.AppendStringFromBytes(dst, r.text())
	case 't':
		r.i += len("true")
		return msgp.AppendBool(dst, true)
	case 'f':
		r.i += len("false")
		return msgp.AppendBool(dst, false)
	case 'n':
		r.i += len("null")
		return msgp.AppendNil(dst)
	}
	return appendFluentNumber(dst, r.number())
}

// container appends an object or a list. How many it holds is known at its end: there is room for one byte, which is
// enough for 15, and is moved for where it is not.
func (r *fluentRecorder) container(dst []byte, depth int, kind byte) []byte {
	head := len(dst)
	dst = append(dst, 0)
	count := uint32(0)
	for r.i++; ; count++ {
		switch c := r.peek(); {
		case c == ',':
			r.i++
			r.peek()
		case c == '}' || c == ']':
			r.i++
			return putHeader(dst, head, kind, count)
		}
		if kind == '{' {
			key := r.text()
			dst = msgp.AppendStringFromBytes(dst, key)
			r.peek()
			r.i++ // the colon
			if c := r.peek(); depth == 1 && string(key) == "time" {
				r.time = nil
				if c == '-' || '0' <= c && c <= '9' {
					begin := r.i
					r.time = r.number()
					r.i = begin
				}
			}
		}
		dst = r.value(dst, depth)
	}
}

// putHeader writes the header of a container in its place, for which there is one byte.
func putHeader(dst []byte, head int, kind byte, count uint32) []byte {
	var room [5]byte
	header := room[:0]
	if kind == '{' {
		header = msgp.AppendMapHeader(header, count)
	} else {
		header = msgp.AppendArrayHeader(header, count)
	}
	if more := len(header) - 1; more > 0 {
		dst = append(dst, header[:more]...) // room
		copy(dst[head+len(header):], dst[head+1:len(dst)-more])
	}
	copy(dst[head:], header)
	return dst
}

// appendFluentNumber appends a whole number as an integer, if it has no more than 64 bits, and every other as the
// nearest float64. One that no float64 comes near to, as 1e400, is a string.
func appendFluentNumber(dst, literal []byte) []byte {
	if text := string(literal); !bytes.ContainsAny(literal, ".eE") && text != "-0" {
		if n, err := strconv.ParseUint(text, 10, 64); err == nil {
			return msgp.AppendUint64(dst, n)
		}
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return msgp.AppendInt64(dst, n)
		}
	}
	f, _ := strconv.ParseFloat(string(literal), 64)
	if math.IsInf(f, 0) {
		return msgp.AppendStringFromBytes(dst, literal)
	}
	return msgp.AppendFloat64(dst, f)
}
