package spool

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
)

func TestMemoryDropsWhatIsLeftWhenItIsClosed(t *testing.T) {
	s := NewMemory(0)
	add(s, "a", "bb")
	peek(s, 1, 1)
	_ = s.Close()
	add(s, "ccc")
	settle(s, 1)
	if got, want := s.Stats(), (Stats{DroppedLines: 3, DroppedBytes: 6}); got != want {
		t.Errorf("stats after close: %+v, want %+v", got, want)
	}
}

func TestMemoryLetsGoOfABacklog(t *testing.T) {
	s := NewMemory(64 << 20)
	heap := func() int64 {
		runtime.GC()
		var ms runtime.MemStats
		runtime.ReadMemStats(&ms)
		return int64(ms.HeapAlloc)
	}
	before := heap()
	for range 20000 {
		s.Append(make([]byte, 1000))
	}
	for {
		n := len(hold(s, 512, 64<<10, nil))
		if n == 0 {
			break
		}
		settle(s, n)
	}
	if grown := heap() - before; grown > 1<<20 {
		t.Errorf("%d bytes are still held after a backlog of 20 MB was delivered", grown)
	}
	runtime.KeepAlive(s)
}

func TestQueueAgainstASlice(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var q queue[entry]
	var model []string
	for i := range 200000 {
		// Long phases of growing and of shrinking, so that many chunks come and go.
		if grow := i/3000%2 == 0; len(model) == 0 || rng.IntN(10) < 3 != grow {
			line := fmt.Sprint(i)
			q.push(entry{line: []byte(line)})
			model = append(model, line)
		} else {
			if got := string(q.front().line); got != model[0] {
				t.Fatalf("step %d: front %q, want %q", i, got, model[0])
			}
			q.pop()
			model = model[1:]
		}
		if q.len != len(model) {
			t.Fatalf("step %d: len %d, want %d", i, q.len, len(model))
		}
		if i%997 == 0 {
			n := 0
			for e := range q.all {
				if string(e.line) != model[n] {
					t.Fatalf("step %d: entry %d is %q, want %q", i, n, e.line, model[n])
				}
				n++
			}
			if n != len(model) {
				t.Fatalf("step %d: walked %d of %d", i, n, len(model))
			}
		}
	}
}

func BenchmarkMemory(b *testing.B) { benchmark(b, NewMemory(0)) }

func benchmark(b *testing.B, s Spool) {
	line := make([]byte, 300)
	var batch [][]byte
	b.ReportAllocs()
	for b.Loop() {
		s.Append(line)
		batch = hold(s, 512, 64<<10, batch[:0])
		settle(s, len(batch))
	}
}
