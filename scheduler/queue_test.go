package scheduler

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	"unsafe"

	gocmp "github.com/google/go-cmp/cmp"
)

// model is a RunQueue as a sorted slice, the plainest thing that keeps the contract.
type model struct {
	entries []modelEntry
	seq     int
}

type modelEntry struct {
	due time.Duration
	seq int
	id  int
}

func (m *model) put(id int, due time.Duration) {
	m.remove(id)
	m.seq++
	m.entries = append(m.entries, modelEntry{due, m.seq, id})
	slices.SortFunc(m.entries, func(a, b modelEntry) int {
		return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.seq, b.seq))
	})
}

func (m *model) remove(id int) bool {
	n := len(m.entries)
	m.entries = slices.DeleteFunc(m.entries, func(e modelEntry) bool { return e.id == id })
	return len(m.entries) < n
}

// pair drives a queue and its model by the same operations and fails where they differ.
type pair struct {
	t       testing.TB
	entries []*Entry
	ids     map[*Entry]int
	queue   RunQueue
	model   model
}

func newPair(t testing.TB, n int) *pair {
	p := &pair{t: t, ids: map[*Entry]int{}}
	for i := range n {
		e := &Entry{}
		p.entries = append(p.entries, e)
		p.ids[e] = i
	}
	return p
}

func (p *pair) put(id int, due time.Duration) {
	p.queue.Put(p.entries[id], due)
	p.model.put(id, due)
	p.check()
}

func (p *pair) remove(id int) {
	got, want := p.queue.Remove(p.entries[id]), p.model.remove(id)
	if got != want {
		p.t.Fatalf("Remove(%d) = %v, want %v", id, got, want)
	}
	p.check()
}

func (p *pair) pop() {
	if e, _ := p.queue.Min(); e != nil {
		p.remove(p.ids[e])
	}
}

func (p *pair) check() {
	p.t.Helper()
	if p.queue.Len() != len(p.model.entries) {
		p.t.Fatalf("Len = %d, want %d", p.queue.Len(), len(p.model.entries))
	}
	e, due := p.queue.Min()
	if len(p.model.entries) == 0 {
		if e != nil {
			p.t.Fatalf("Min of an empty queue = %v", e)
		}
		return
	}
	if want := p.model.entries[0]; p.ids[e] != want.id || due != want.due {
		p.t.Fatalf("Min = entry %d at %v, want entry %d at %v", p.ids[e], due, want.id, want.due)
	}
	for _, want := range p.model.entries {
		if due, ok := p.queue.Due(p.entries[want.id]); !ok || due != want.due {
			p.t.Fatalf("Due(%d) = %v, %v, want %v", want.id, due, ok, want.due)
		}
	}
}

func drain(q *RunQueue, name func(*Entry) string) []string {
	var got []string
	for e, due := q.Min(); e != nil; e, due = q.Min() {
		got = append(got, fmt.Sprintf("%s@%d", name(e), due))
		q.Remove(e)
	}
	return got
}

func TestQueue(t *testing.T) {
	type op struct {
		do  string // put, remove
		who string
		at  time.Duration
	}
	tests := map[string]struct {
		ops  []op
		want []string
	}{
		"an empty queue has no head":               {nil, nil},
		"entries leave in the order of their time": {[]op{{"put", "a", 3}, {"put", "b", 1}, {"put", "c", 2}}, []string{"b@1", "c@2", "a@3"}},
		"equal times leave in the order added":     {[]op{{"put", "a", 1}, {"put", "b", 1}, {"put", "c", 1}, {"put", "d", 1}, {"put", "e", 1}, {"put", "f", 1}}, []string{"a@1", "b@1", "c@1", "d@1", "e@1", "f@1"}},
		"a put of a queued entry moves it":         {[]op{{"put", "a", 1}, {"put", "b", 2}, {"put", "a", 3}}, []string{"b@2", "a@3"}},
		"a moved entry goes behind its new time":   {[]op{{"put", "a", 1}, {"put", "b", 2}, {"put", "a", 2}}, []string{"b@2", "a@2"}},
		"a removed entry is gone":                  {[]op{{"put", "a", 1}, {"put", "b", 2}, {"remove", "a", 0}}, []string{"b@2"}},
		"a removed entry can come back":            {[]op{{"put", "a", 1}, {"remove", "a", 0}, {"put", "a", 5}}, []string{"a@5"}},
		"a time may be negative":                   {[]op{{"put", "a", 0}, {"put", "b", -7}}, []string{"b@-7", "a@0"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var q RunQueue
			entries := map[string]*Entry{}
			for _, op := range test.ops {
				if entries[op.who] == nil {
					entries[op.who] = &Entry{}
				}
				switch op.do {
				case "put":
					q.Put(entries[op.who], op.at)
				case "remove":
					q.Remove(entries[op.who])
				}
			}
			got := drain(&q, func(e *Entry) string {
				for name, x := range entries {
					if x == e {
						return name
					}
				}
				return "?"
			})
			if diff := gocmp.Diff(test.want, got); diff != "" {
				t.Errorf("order (-want +got):\n%s", diff)
			}
		})
	}
}

func TestQueueRemoveOfAnEntryThatIsNotQueuedReportsFalse(t *testing.T) {
	var q RunQueue
	e := &Entry{}
	if q.Remove(e) {
		t.Error("Remove of a new entry = true")
	}
	q.Put(e, 1)
	if !q.Remove(e) || q.Remove(e) {
		t.Error("Remove must be true once")
	}
}

func TestQueueKeepsNoEntryThatLeft(t *testing.T) {
	var q RunQueue
	for range 10 {
		q.Put(&Entry{}, 0)
	}
	drain(&q, func(*Entry) string { return "" })
	for i, s := range q.slots[:cap(q.slots)] {
		if s.entry != nil {
			t.Errorf("slot %d still holds an entry", i)
		}
	}
}

func TestQueueAgreesWithASortedSlice(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 0))
		p := newPair(t, 1+r.IntN(60))
		for range 1000 {
			id := r.IntN(len(p.entries))
			switch r.IntN(5) {
			case 0:
				p.remove(id)
			case 1:
				p.pop()
			default:
				p.put(id, time.Duration(r.IntN(20)))
			}
		}
	}
}

func FuzzQueueAgreesWithASortedSlice(f *testing.F) {
	f.Add([]byte{0, 1, 5, 0, 2, 5, 1, 1, 0, 2, 0, 0})
	f.Add([]byte{0, 1, 9, 0, 2, 8, 0, 3, 7, 0, 4, 6, 0, 1, 1, 2, 0, 0, 2, 0, 0, 1, 3, 0})
	f.Fuzz(func(t *testing.T, ops []byte) {
		if len(ops) > 600 {
			t.Skip("longer inputs are only slower")
		}
		p := newPair(t, 16)
		for ; len(ops) >= 3; ops = ops[3:] {
			id := int(ops[1]) % len(p.entries)
			switch ops[0] % 3 {
			case 0:
				p.put(id, time.Duration(int8(ops[2])))
			case 1:
				p.remove(id)
			case 2:
				p.pop()
			}
		}
	})
}

func TestQueueNeedsLessThan150BytesPerEntry(t *testing.T) {
	// append leaves at most a quarter of a large slice unused, and half of it while it grows.
	if got := unsafe.Sizeof(Entry{}) + 2*unsafe.Sizeof(slot{}); got >= 150 {
		t.Errorf("an entry and its slot need %d bytes", got)
	}
}

func BenchmarkQueuePutAndPop(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("queued=%d", n), func(b *testing.B) {
			var q RunQueue
			r := rand.New(rand.NewPCG(1, 1))
			entries := make([]Entry, n)
			for i := range entries {
				q.Put(&entries[i], time.Duration(r.IntN(n)))
			}
			b.ReportAllocs()
			for b.Loop() {
				e, due := q.Min()
				q.Remove(e)
				q.Put(e, due+time.Duration(n)+time.Duration(r.IntN(16)))
			}
		})
	}
}

func BenchmarkQueueMove(b *testing.B) {
	const n = 100_000
	var q RunQueue
	r := rand.New(rand.NewPCG(1, 1))
	entries := make([]Entry, n)
	for i := range entries {
		q.Put(&entries[i], time.Duration(r.IntN(n)))
	}
	b.ReportAllocs()
	for b.Loop() {
		q.Put(&entries[r.IntN(n)], time.Duration(r.IntN(n)))
	}
}
