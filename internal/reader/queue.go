package reader

import (
	"context"
	"io"
	"sync"
)

// queue is bounded in records and in bytes. One goroutine puts, one takes.
type queue struct {
	maxRecords, maxBytes int
	ready                chan struct{} // one token when take has something to give
	room                 chan struct{} // one token when something was taken

	mu       sync.Mutex // protects following fields
	records  []Record
	bytes    int
	finished bool
	total    totals
}

// totals only grow.
type totals struct {
	records, bytes, longLines uint64
	waits                     uint64 // puts that had to wait for room
}

func newQueue(maxRecords, maxBytes int) *queue {
	return &queue{maxRecords: maxRecords, maxBytes: maxBytes, ready: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// put copies records in as there is room, and waits for it; false if ctx ended first.
func (q *queue) put(ctx context.Context, records []Record) bool {
	records = records[q.tryPut(records):]
	if len(records) == 0 {
		return true
	}
	q.mu.Lock()
	q.total.waits++
	q.mu.Unlock()
	for len(records) > 0 {
		select {
		case <-q.room:
		case <-ctx.Done():
			return false
		}
		records = records[q.tryPut(records):]
	}
	return true
}

// tryPut tells how many of records fitted.
func (q *queue) tryPut(records []Record) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for _, rec := range records {
		if len(q.records) > 0 && (len(q.records) >= q.maxRecords || q.bytes+len(rec.Text) > q.maxBytes) {
			break
		}
		q.records = append(q.records, rec)
		q.bytes += len(rec.Text)
		q.total.bytes += uint64(len(rec.Text))
		if rec.Truncated {
			q.total.longLines++
		}
		n++
	}
	q.total.records += uint64(n)
	if n > 0 {
		signal(q.ready)
	}
	return n
}

func (q *queue) take(limit int) ([]Record, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-q.ready: // given back below if it still holds
	default:
	}
	if len(q.records) == 0 {
		if q.finished {
			signal(q.ready)
			return nil, io.EOF
		}
		return nil, nil
	}
	taken := q.records
	if limit > 0 && limit < len(taken) {
		taken = append([]Record(nil), taken[:limit]...)
		rest := copy(q.records, q.records[limit:])
		clear(q.records[rest:]) // or the array keeps their text
		q.records = q.records[:rest]
		for _, rec := range taken {
			q.bytes -= len(rec.Text)
		}
	} else {
		q.records, q.bytes = nil, 0 // the consumer owns the array now
	}
	if len(q.records) > 0 || q.finished {
		signal(q.ready)
	}
	signal(q.room)
	return taken, nil
}

// putBack puts records that were taken, and not used, before all others. They have had their place: it may
// exceed the bounds for as long as they are not taken again.
func (q *queue) putBack(records []Record) {
	if len(records) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.records = append(append(make([]Record, 0, len(records)+len(q.records)), records...), q.records...)
	for _, rec := range records {
		q.bytes += len(rec.Text)
	}
	signal(q.ready)
}

// finish says that nothing more is put.
func (q *queue) finish() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.finished = true
	signal(q.ready)
}

func (q *queue) stats() (total totals, records, bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.total, len(q.records), q.bytes
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
