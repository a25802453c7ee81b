package reader

import (
	"bytes"
	"unicode/utf8"
)

// framer cuts a stream of bytes into lines. How the bytes are split into writes makes no difference.
type framer struct {
	max int
	out []Record // the lines so far; the caller takes them

	partial []byte // of the current line; up to max+1 bytes, since the last may prove to be a carriage return
	over    bool   // bytes of the current line were discarded
	skip    bool   // the current line is not wanted: its start was not seen
}

// write takes the next bytes of the stream; it does not keep data.
func (f *framer) write(data []byte) {
	for {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			f.add(data)
			return
		}
		line := data[:i]
		if len(f.partial) > 0 || f.over || f.skip || len(line) > f.max {
			f.add(line)
			line = f.partial
		}
		f.end(line)
		data = data[i+1:]
	}
}

// flush ends a last line that has no newline.
func (f *framer) flush() {
	if len(f.partial) > 0 || f.over {
		f.end(f.partial)
	}
	f.skip = false
}

// take gives the lines so far. The array is used again, unless a flood of short lines made it large.
func (f *framer) take() []Record {
	const keep = 1024
	out := f.out
	f.out = f.out[:0]
	if cap(f.out) > keep {
		f.out = nil
	}
	return out
}

func (f *framer) add(data []byte) {
	if room := f.max + 1 - len(f.partial); len(data) > room {
		data, f.over = data[:room], true
	}
	f.partial = append(f.partial, data...)
}

// end puts line out and makes f ready for the next one.
func (f *framer) end(line []byte) {
	if !f.over {
		line = bytes.TrimSuffix(line, []byte{'\r'})
	}
	truncated := f.over || len(line) > f.max
	if truncated {
		line = cutRune(line[:f.max])
	}
	if !f.skip {
		f.out = append(f.out, Record{Text: string(line), Truncated: truncated})
	}
	f.partial, f.over, f.skip = f.partial[:0], false, false
}

// cutRune takes off the beginning of a character that a cut left at the end: half of one would make the whole
// text invalid as UTF-8.
func cutRune(text []byte) []byte {
	for i := len(text) - 1; i >= 0 && i >= len(text)-utf8.UTFMax; i-- {
		if utf8.RuneStart(text[i]) {
			if !utf8.FullRune(text[i:]) {
				return text[:i]
			}
			break
		}
	}
	return text
}
