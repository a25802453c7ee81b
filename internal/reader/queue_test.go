package reader

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
)

func isReady(q *queue) bool {
	select {
	case <-q.ready:
		return true
	default:
		return false
	}
}

func TestReadyIsGivenAsLongAsTakeHasSomething(t *testing.T) {
	q := newQueue(10, 100)
	if isReady(q) {
		t.Error("ready when empty")
	}
	for _, text := range []string{"a", "b", "c"} {
		q.tryPut([]Record{{Text: text}})
	}
	for _, want := range []string{"a", "b", "c"} {
		if !isReady(q) {
			t.Fatalf("not ready before %s", want)
		}
		records, err := q.take(1)
		if err != nil || len(records) != 1 || records[0].Text != want {
			t.Fatalf("took %v, %v", records, err)
		}
	}
	if records, err := q.take(0); isReady(q) || err != nil || records != nil {
		t.Errorf("ready when all was taken, or took %v, %v", records, err)
	}
	q.tryPut([]Record{{Text: "d"}})
	q.finish()
	if records, err := q.take(0); err != nil || len(records) != 1 {
		t.Errorf("took %v, %v", records, err)
	}
	for range 2 {
		if !isReady(q) {
			t.Error("not ready for EOF")
		}
		if records, err := q.take(0); err != io.EOF || records != nil {
			t.Errorf("took %v, %v", records, err)
		}
	}
}

func TestTakenRecordsAreTheConsumers(t *testing.T) {
	for _, limit := range []int{0, 2} {
		q := newQueue(10, 100)
		q.tryPut([]Record{{Text: "a"}})
		q.tryPut([]Record{{Text: "b"}})
		taken, _ := q.take(limit)
		q.tryPut([]Record{{Text: "c"}})
		if taken[0].Text != "a" || taken[1].Text != "b" {
			t.Errorf("limit %d: overwritten: %v", limit, taken)
		}
	}
}

func TestQueueIsBoundedInRecordsAndBytes(t *testing.T) {
	tests := []struct {
		name           string
		records, bytes int
		texts          []string
		fit            int
	}{
		{"records", 2, 100, []string{"a", "b", "c"}, 2},
		{"bytes", 10, 5, []string{"ab", "cde", ""}, 3},
		{"bytes, over", 10, 5, []string{"ab", "cdef"}, 1},
		{"one record always fits", 10, 5, []string{"abcdef", "g"}, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			q := newQueue(test.records, test.bytes)
			fit := 0
			for _, text := range test.texts {
				fit += q.tryPut([]Record{{Text: text}})
			}
			if fit != test.fit {
				t.Errorf("%d fit, want %d", fit, test.fit)
			}
		})
	}
}

func TestPutWaitsForRoomOrTheEndOfItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1, 100)
		ctx, cancel := context.WithCancel(t.Context())
		q.tryPut([]Record{{Text: "a"}})
		done := make(chan bool, 1)
		put := func(texts ...string) {
			var records []Record
			for _, text := range texts {
				records = append(records, Record{Text: text})
			}
			done <- q.put(ctx, records)
		}
		go put("b", "c")
		for _, want := range []string{"a", "b", "c"} {
			synctest.Wait()
			if got, _ := q.take(0); len(got) != 1 || got[0].Text != want {
				t.Fatalf("took %v, want %s", got, want)
			}
		}
		if !<-done {
			t.Error("not all was put")
		}
		go put("d", "e", "f")
		synctest.Wait()
		cancel()
		if <-done {
			t.Error("put all into a queue for one")
		}
		if total, queued, bytes := q.stats(); total.records != 4 || total.waits != 2 || queued != 1 || bytes != 1 {
			t.Errorf("total %+v, queued %d, %d bytes", total, queued, bytes)
		}
	})
}
