package reader

import (
	"bytes"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func frame(most int, chunks ...[]byte) []Record {
	var got []Record
	f := framer{max: most}
	for _, chunk := range chunks {
		f.write(chunk)
		got = append(got, f.take()...)
	}
	f.flush()
	return append(got, f.take()...)
}

func TestFramer(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string // "…" at the end: truncated
	}{
		{"nothing", "", nil},
		{"lines", "a\nb\n", []string{"a", "b"}},
		{"last line without newline", "a\nb", []string{"a", "b"}},
		{"empty lines", "\n\na\n\n", []string{"", "", "a", ""}},
		{"carriage return and newline", "a\r\nb\r\n\r\n", []string{"a", "b", ""}},
		{"carriage return inside", "a\rb\r\r\n", []string{"a\rb\r"}},
		{"as long as allowed", "12345\n12345\r\n12345", []string{"12345", "12345", "12345"}},
		{"one too long", "123456\nx\n", []string{"12345…", "x"}},
		{"far too long", "1234567890123\nx", []string{"12345…", "x"}},
		{"too long at the end", "1234567", []string{"12345…"}},
		{"carriage return after the cut", "123456\r\n1234\r6\n", []string{"12345…", "1234\r…"}},
		{"no half character", "123é\n1234é\n12345é\n12é€\n", []string{"123é", "1234…", "12345…", "12é…"}},
		{"bytes that are no character stay", "1234\xff6\n", []string{"1234\xff…"}},
		{"NUL", "a\x00b\n", []string{"a\x00b"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, texts(frame(5, []byte(test.in)))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func FuzzFramingIsTheSameForAnyChunks(f *testing.F) {
	f.Add([]byte("a\r\n12345\r\n123456\n\xc3\xa9\xc3\xa9\xc3\xa9\nend"), []byte{1, 0, 3}, 5)
	f.Add([]byte("\r\r\n\n\r"), []byte{1}, 1)
	f.Add([]byte("1234é\n"), []byte{5}, 5)
	f.Fuzz(func(t *testing.T, data, cuts []byte, most int) {
		if most < 1 || most > 1000 {
			most = 7
		}
		whole := frame(most, slices.Clone(data))
		var chunks [][]byte
		for i, left := 0, data; len(left) > 0; i++ {
			n := len(left)
			if len(cuts) > 0 {
				n = min(n, int(cuts[i%len(cuts)])+1)
			}
			chunks = append(chunks, slices.Clone(left[:n]))
			left = left[n:]
		}
		if diff := cmp.Diff(whole, frame(most, chunks...)); diff != "" {
			t.Errorf("-whole +chunks:\n%s", diff)
		}
		if want := bytes.Count(data, []byte{'\n'}); len(whole) != want && len(whole) != want+1 {
			t.Errorf("%d records, %d newlines", len(whole), want)
		}
		for _, rec := range whole {
			if len(rec.Text) > most || utf8.Valid(data) && !utf8.ValidString(rec.Text) {
				t.Errorf("record %q", rec.Text)
			}
		}
	})
}
