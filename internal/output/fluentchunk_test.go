package output

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The bytes are written by hand, of the specifications of MessagePack and of the Forward protocol.
func TestFluentChunkIsThatOfTheSpecification(t *testing.T) {
	c := newFluentChunks(tagTemplate(t, "tag.name"), false, 1<<20)
	b := Batch{Origin: "o", First: 1, Lines: [][]byte{[]byte(`{"message":"bar","time":1441588984}`), []byte(`{"time":1441588985.5}`)}}
	chunk, lines, err := c.next(b, c.tagsOf(b.Lines), 0)
	if err != nil || lines != 2 {
		t.Fatal(lines, err)
	}
	id := hex.EncodeToString([]byte(chunk.id))
	want := strings.Join([]string{
		"93", "a8" + hex.EncodeToString([]byte("tag.name")),
		"c4 3c", // bin 8, of 60 bytes
		"92 d700 55ece6f8 00000000 82 a7" + hex.EncodeToString([]byte("message")) + "a3 626172 a4 74696d65 ce 55ece6f8",
		"92 d700 55ece6f9 1dcd6500 81 a4 74696d65 cb 41d57b39be600000",
		"82 a4 73697a65 02 a5" + hex.EncodeToString([]byte("chunk")) + " b8" + id,
	}, " ")
	if diff := cmp.Diff(strings.ReplaceAll(want, " ", ""), hex.EncodeToString(chunk.bytes)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFluentChunkID(t *testing.T) {
	b := Batch{Origin: "spool", First: 10, Lines: [][]byte{[]byte("a"), []byte("b"), []byte("c")}}
	whole := fluentChunkID(b, 0, 3)
	if len(whole) != 24 || !strings.HasSuffix(whole, "==") {
		t.Errorf("%q is not 128 bits in Base64", whole)
	}
	if again := fluentChunkID(b, 0, 3); again != whole {
		t.Errorf("the id changes: %s, %s", whole, again)
	}
	later := Batch{Origin: "spool", First: 11, Lines: b.Lines[1:]}
	if fluentChunkID(b, 1, 2) != fluentChunkID(later, 0, 2) {
		t.Error("the id depends on what is sent before")
	}
	other := b
	other.Origin = "other"
	for name, id := range map[string]string{
		"fewer lines": fluentChunkID(b, 0, 2), "other lines": fluentChunkID(b, 1, 2), "those of another spool": fluentChunkID(other, 0, 3),
	} {
		if id == whole {
			t.Errorf("%s have the same id", name)
		}
	}
}
