package state

import (
	"encoding/binary"
	"maps"
	"testing"
)

// testRecord has all kinds of entries.
func testRecord() *record {
	r := &record{entries: map[string]string{
		"va": text("one"), "vb": string(appendTree(nil, &table{list: []any{1.0}, pairs: []pair{{"k", true}}})),
		"dn": sample{value: 5, wall: 1, process: 2, ticks: 3}.encode(),
		"rn": sample{value: 0.5, wall: -1}.encode(),
	}, gone: 1795468946}
	for key, value := range r.entries {
		r.bytes += entryBytes(key, value)
	}
	return r
}

func sameRecord(a, b *record) bool {
	return maps.Equal(a.entries, b.entries) && a.bytes == b.bytes && a.gone == b.gone
}

func TestARecordComesBackAsItWas(t *testing.T) {
	t.Parallel()
	r := testRecord()
	got, err := decodeRecord("check", string(appendRecord(nil, "check", r)))
	if err != nil || !sameRecord(got, r) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := decodeRecord("other", string(appendRecord(nil, "check", r))); err != errSum {
		t.Errorf("the record of another check gives %v", err)
	}
}

func TestADamagedRecordIsNoRecord(t *testing.T) {
	t.Parallel()
	data := appendRecord(nil, "check", testRecord())
	for i := range data {
		for bit := range 8 {
			data[i] ^= 1 << bit
			if r, err := decodeRecord("check", string(data)); err == nil {
				t.Errorf("with bit %d of byte %d flipped it gives %v", bit, i, r.entries)
			}
			data[i] ^= 1 << bit
		}
	}
	for n := range data {
		if _, err := decodeRecord("check", string(data[:n])); err == nil {
			t.Errorf("the first %d bytes are a record", n)
		}
	}
	if _, err := decodeRecord("check", string(data)+"x"); err == nil {
		t.Error("one byte more is a record")
	}
}

// signed puts the right checksum into a record: what a checksum does not find is found all the same.
func signed(name string, data []byte) string {
	data = append([]byte(nil), data...)
	if len(data) >= recordHead {
		binary.LittleEndian.PutUint32(data[1:], recordSum(name, string(data[recordHead:])))
	}
	return string(data)
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add(appendRecord(nil, "check", testRecord()))
	f.Add(appendRecord(nil, "check", &record{}))
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\x01\x02vn\x02\x05\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = decodeRecord("check", string(data))
		r, err := decodeRecord("check", signed("check", data))
		if err != nil {
			return
		}
		again, err := decodeRecord("check", string(appendRecord(nil, "check", r)))
		if err != nil || !sameRecord(r, again) {
			t.Errorf("%v comes back as %v, %v", r, again, err)
		}
		for key, value := range r.entries {
			if key[0] == kindValue {
				v, err := Decode(value, treeBuilder{})
				if err != nil {
					t.Errorf("%q: %v", key, err)
				}
				if _, err := Decode(string(appendTree(nil, v)), treeBuilder{}); err != nil {
					t.Errorf("%q written again: %v", key, err)
				}
			}
		}
	})
}
