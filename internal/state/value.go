package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// A value is kept as bytes: a tag, and what belongs to it. A table is its tag, how it is marked, the values of
// its list (the keys 1, 2, ...), and if it has other keys a tag and pairs of key and value; a tag ends it. Keys are
// strings, finite numbers and booleans.
const (
	tagNull   = 0
	tagFalse  = 1
	tagTrue   = 2
	tagNumber = 3 // eight bytes, IEEE 754, little-endian
	tagString = 4 // length as uvarint, bytes
	tagTable  = 5 // a Mark, values
	tagPairs  = 6 // in a table: pairs follow
	tagEnd    = 7 // of a table
)

// MaxDepth is how many levels of tables a value may have.
const MaxDepth = 64

// Mark is how a table is written as JSON when it does not say itself.
type Mark byte

// The marks of a table.
const (
	Plain  Mark = iota
	List        // also when it is empty
	Object      // an empty one that is an object
)

// The Append functions write a value. A table is AppendTable, the values of its list, then if there are any
// AppendPairs and key after value, and at last AppendEnd.

// AppendNull writes a null.
func AppendNull(dst []byte) []byte { return append(dst, tagNull) }

// AppendBool writes a boolean.
func AppendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, tagTrue)
	}
	return append(dst, tagFalse)
}

// AppendNumber writes a finite number.
func AppendNumber(dst []byte, f float64) []byte {
	return binary.LittleEndian.AppendUint64(append(dst, tagNumber), math.Float64bits(f))
}

// AppendString writes any bytes.
func AppendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(append(dst, tagString), uint64(len(s))), s...)
}

// AppendTable begins a table.
func AppendTable(dst []byte, m Mark) []byte { return append(dst, tagTable, byte(m)) }

// AppendPairs begins the pairs of a table.
func AppendPairs(dst []byte) []byte { return append(dst, tagPairs) }

// AppendEnd ends a table.
func AppendEnd(dst []byte) []byte { return append(dst, tagEnd) }

// Builder makes values of type T of what is kept. Tables are filled in place.
type Builder[T any] interface {
	Null() T
	Bool(bool) T
	Number(float64) T
	String(string) T
	Table(Mark) T
	Append(table, v T)
	Put(table, key, v T)
}

var errCut = errors.New("the value ends too early")

// Decode reads one value, which is all of s. It reads any bytes in time and space that grow with them no faster
// than linearly.
func Decode[T any](s string, b Builder[T]) (T, error) {
	d := decoder[T]{rest: s, b: b}
	v, err := d.value(0)
	if err == nil && d.rest != "" {
		err = fmt.Errorf("%d bytes follow the value", len(d.rest))
	}
	return v, err
}

type decoder[T any] struct {
	rest string
	b    Builder[T]
}

func (d *decoder[T]) byte() (byte, error) {
	if d.rest == "" {
		return 0, errCut
	}
	c := d.rest[0]
	d.rest = d.rest[1:]
	return c, nil
}

func (d *decoder[T]) value(depth int) (v T, err error) {
	tag, err := d.byte()
	if err != nil {
		return v, err
	}
	return d.tagged(tag, depth)
}

func (d *decoder[T]) tagged(tag byte, depth int) (v T, err error) {
	switch tag {
	case tagNull:
		return d.b.Null(), nil
	case tagFalse, tagTrue:
		return d.b.Bool(tag == tagTrue), nil
	case tagNumber:
		if len(d.rest) < 8 {
			return v, errCut
		}
		f := math.Float64frombits(binary.LittleEndian.Uint64([]byte(d.rest[:8])))
		d.rest = d.rest[8:]
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return v, errors.New("a number is not finite")
		}
		return d.b.Number(f), nil
	case tagString:
		s, err := cutString(&d.rest)
		if err != nil {
			return v, err
		}
		return d.b.String(s), nil
	case tagTable:
		return d.table(depth + 1)
	}
	return v, fmt.Errorf("the tag %d is none of a value", tag)
}

func (d *decoder[T]) table(depth int) (t T, err error) {
	if depth > MaxDepth {
		return t, fmt.Errorf("more than %d levels of tables", MaxDepth)
	}
	mark, err := d.byte()
	if err != nil {
		return t, err
	}
	if Mark(mark) > Object {
		return t, fmt.Errorf("a table is marked %d", mark)
	}
	t = d.b.Table(Mark(mark))
	pairs := false
	for {
		tag, err := d.byte()
		switch {
		case err != nil:
			return t, err
		case tag == tagEnd:
			return t, nil
		case tag == tagPairs && !pairs:
			pairs = true
			continue
		case pairs && (tag == tagNull || tag == tagTable):
			return t, errors.New("a key is no string, number or boolean")
		}
		v, err := d.tagged(tag, depth)
		if err != nil {
			return t, err
		}
		if !pairs {
			d.b.Append(t, v)
			continue
		}
		item, err := d.value(depth)
		if err != nil {
			return t, err
		}
		d.b.Put(t, v, item)
	}
}

// cutString takes a string with its length in front from the start of rest.
func cutString(rest *string) (string, error) {
	n, err := cutUvarint(rest)
	if err != nil {
		return "", err
	}
	if n > uint64(len(*rest)) {
		return "", errCut
	}
	s := (*rest)[:n]
	*rest = (*rest)[n:]
	return s, nil
}

// cutUvarint takes a number from the start of rest, of the form of encoding/binary; only its shortest form.
func cutUvarint(rest *string) (uint64, error) {
	head := []byte((*rest)[:min(len(*rest), binary.MaxVarintLen64)])
	n, size := binary.Uvarint(head)
	if size <= 0 {
		return 0, errCut
	}
	if size > 1 && head[size-1] == 0 {
		return 0, errors.New("a length is not written in its shortest form")
	}
	*rest = (*rest)[size:]
	return n, nil
}

// valid tells whether s is one value.
func valid(s string) error {
	_, err := Decode(s, checker{})
	return err
}

// checker builds nothing.
type checker struct{}

func (checker) Null() struct{}                   { return struct{}{} }
func (checker) Bool(bool) struct{}               { return struct{}{} }
func (checker) Number(float64) struct{}          { return struct{}{} }
func (checker) String(string) struct{}           { return struct{}{} }
func (checker) Table(Mark) struct{}              { return struct{}{} }
func (checker) Append(struct{}, struct{})        {}
func (checker) Put(struct{}, struct{}, struct{}) {}
