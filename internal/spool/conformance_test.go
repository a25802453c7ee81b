package spool

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	_ Spool = (*Memory)(nil)
	_ Spool = (*Disk)(nil)
)

// rig is a spool that all tests of this file are run with.
type rig struct {
	name     string
	overhead int64 // of a line, against the limit
	weight   int64 // of a line, in Stats.Bytes
	open     func(t *testing.T, maxBytes int64) Spool
}

// roomFor is the limit of a spool that holds n lines of length bytes.
func (r rig) roomFor(n, length int) int64 { return int64(n) * (r.overhead + int64(length)) }

func opener(o Options) func(*testing.T, int64) Spool {
	return func(t *testing.T, maxBytes int64) Spool {
		o.Path, o.MaxBytes, o.SyncEvery, o.stall = filepath.Join(t.TempDir(), "spool"), maxBytes, time.Second, aSlowDisk
		d, err := OpenDisk(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		return d
	}
}

// aSlowDisk is what a busy machine may take to write something: a disk that does not answer is not what is tested here.
const aSlowDisk = time.Minute

// On disk, a segment for each line, so that dropping a segment is dropping a line.
var rigs = []rig{
	{"memory", LineOverhead, LineOverhead, func(_ *testing.T, maxBytes int64) Spool { return NewMemory(maxBytes) }},
	{"disk", segmentOverhead + headerBytes, headerBytes, opener(Options{segmentBytes: 1})},
	{"disk that is read from", segmentOverhead + headerBytes, headerBytes, opener(Options{segmentBytes: 1, cacheBytes: 1})},
	{"disk that is synced at once", segmentOverhead + headerBytes, headerBytes, func(t *testing.T, maxBytes int64) Spool {
		d, err := OpenDisk(Options{Path: filepath.Join(t.TempDir(), "spool"), MaxBytes: maxBytes, segmentBytes: 1, stall: aSlowDisk})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		return d
	}},
	{"disk that is stuck", segmentOverhead + headerBytes, headerBytes, opener(Options{segmentBytes: 1, heldBytes: 1 << 30, hook: func(p point, n int) (int, error) {
		if p == atSegmentCreate {
			return 0, unix.ENOSPC
		}
		return n, nil
	}})},
}

func eachSpool(t *testing.T, do func(t *testing.T, r rig)) {
	for _, r := range rigs {
		t.Run(r.name, func(t *testing.T) { do(t, r) })
	}
}

func peek(s Spool, maxLines, maxBytes int) []string {
	var got []string
	for _, line := range hold(s, maxLines, maxBytes, nil) {
		got = append(got, string(line))
	}
	return got
}

// hold takes everything back and hands out lines from the oldest on.
func hold(s Spool, maxLines, maxBytes int, into [][]byte) [][]byte {
	s.Rewind()
	lines, _ := s.Next(maxLines, maxBytes, into)
	return lines
}

// settle ends a hold of which n lines were delivered.
func settle(s Spool, n int) {
	s.Ack(n)
	s.Rewind()
}

func add(s Spool, lines ...string) (dropped int) {
	for _, line := range lines {
		dropped += s.Append([]byte(line))
	}
	return dropped
}

func next(s Spool, maxLines int) (lines []string, first uint64) {
	got, first := s.Next(maxLines, 1<<20, nil)
	for _, line := range got {
		lines = append(lines, string(line))
	}
	return lines, first
}

func TestLinesInFlight(t *testing.T) { eachSpool(t, testLinesInFlight) }

func testLinesInFlight(t *testing.T, r rig) {
	s := r.open(t, r.roomFor(6, 1))
	add(s, "a", "b", "c", "d", "e")
	check := func(what string, maxLines int, want []string, seq uint64) {
		t.Helper()
		got, first := next(s, maxLines)
		if diff := cmp.Diff(want, got); diff != "" || first != seq {
			t.Errorf("%s: first %d, want %d (-want +got):\n%s", what, first, seq, diff)
		}
	}
	check("the first two", 2, []string{"a", "b"}, 0)
	check("the next two", 2, []string{"c", "d"}, 2)
	s.Ack(3)
	check("what is left", 9, []string{"e"}, 4)
	check("nothing", 9, nil, 5)
	s.Rewind()
	check("after a rewind: what was not acknowledged, under its number", 1, []string{"d"}, 3)
	if dropped := add(s, "f", "g", "h", "i", "j"); dropped != 0 {
		t.Errorf("%d lines dropped for good, though the one pushed out is in flight", dropped)
	}
	s.Ack(1)
	check("behind one that was pushed out in flight, and came after all", 9, []string{"e", "f", "g", "h", "i", "j"}, 4)
	add(s, "k", "l")
	s.Ack(1)
	s.Rewind()
	if st := s.Stats(); st.DroppedLines != 1 || st.Lines != 6 {
		t.Errorf("stats: %+v, want f dropped and 6 lines left", st)
	}
	check("after a rewind of lines that were pushed out", 1, []string{"g"}, 6)
}

func TestSpool(t *testing.T) { eachSpool(t, testSpool) }

func testSpool(t *testing.T, r rig) {
	const all = 1 << 20
	long := strings.Repeat("x", int(r.overhead)+2)
	tests := []struct {
		name    string
		room    int // lines of a byte; 0 is as many as are needed
		do      func(t *testing.T, s Spool)
		left    []string
		dropped uint64
	}{
		{
			name: "lines come out in the order in which they went in",
			do:   func(_ *testing.T, s Spool) { add(s, "a", "b", "c") },
			left: []string{"a", "b", "c"},
		},
		{
			name: "peeking removes nothing",
			do:   func(_ *testing.T, s Spool) { add(s, "a", "b"); peek(s, 10, all); peek(s, 10, all) },
			left: []string{"a", "b"},
		},
		{
			name: "advancing removes what was delivered and keeps the rest",
			do:   func(_ *testing.T, s Spool) { add(s, "a", "b", "c"); peek(s, 2, all); settle(s, 1) },
			left: []string{"b", "c"},
		},
		{
			name: "advancing without a peek removes nothing",
			do:   func(_ *testing.T, s Spool) { add(s, "a"); peek(s, 1, all); settle(s, 0); settle(s, 1) },
			left: []string{"a"},
		},
		{
			name: "advancing by more than was peeked removes what was peeked",
			do:   func(_ *testing.T, s Spool) { add(s, "a", "b"); peek(s, 1, all); settle(s, 7) },
			left: []string{"b"},
		},
		{
			name: "a peek keeps to the lines asked for",
			do: func(t *testing.T, s Spool) {
				add(s, "a", "b", "c")
				if diff := cmp.Diff([]string{"a", "b"}, peek(s, 2, all)); diff != "" {
					t.Error(diff)
				}
			},
			left: []string{"a", "b", "c"},
		},
		{
			name: "a peek keeps to the bytes asked for",
			do: func(t *testing.T, s Spool) {
				add(s, "aaa", "bbb", "ccc")
				if diff := cmp.Diff([]string{"aaa", "bbb"}, peek(s, 9, 8)); diff != "" {
					t.Error(diff)
				}
			},
			left: []string{"aaa", "bbb", "ccc"},
		},
		{
			name: "a line longer than a batch is peeked alone",
			do: func(t *testing.T, s Spool) {
				add(s, "a very long line", "b")
				if diff := cmp.Diff([]string{"a very long line"}, peek(s, 9, 4)); diff != "" {
					t.Error(diff)
				}
			},
			left: []string{"a very long line", "b"},
		},
		{
			name: "the oldest make room for the newest",
			room: 2,
			do: func(t *testing.T, s Spool) {
				if got := add(s, "a", "b", "c"); got != 1 {
					t.Errorf("Append dropped %d, want 1", got)
				}
			},
			left:    []string{"b", "c"},
			dropped: 1,
		},
		{
			name: "a long line makes room for itself by dropping several",
			room: 3,
			do: func(_ *testing.T, s Spool) {
				add(s, "a", "b", "c", long)
			},
			left:    []string{"c", long},
			dropped: 2,
		},
		{
			name: "a line larger than the spool is dropped alone",
			room: 2,
			do: func(t *testing.T, s Spool) {
				if got := add(s, "a", strings.Repeat("x", int(r.roomFor(2, 1))), "b"); got != 1 {
					t.Errorf("Append dropped %d, want 1", got)
				}
			},
			left:    []string{"a", "b"},
			dropped: 1,
		},
		{
			name: "lines pushed out while they are being sent, then delivered: none dropped, none removed unsent",
			room: 3,
			do: func(t *testing.T, s Spool) {
				add(s, "a", "b", "c")
				peek(s, 2, all)
				if got := add(s, "d", "e"); got != 0 {
					t.Errorf("Append called %d lines lost while the sender held them", got)
				}
				if got := s.Stats(); got.Lines != 5 || got.DroppedLines != 0 {
					t.Errorf("stats while in doubt: %+v, want 5 lines and none dropped", got)
				}
				settle(s, 2)
			},
			left: []string{"c", "d", "e"},
		},
		{
			name: "lines pushed out while they are being sent, then delivered in part: the rest is dropped",
			room: 3,
			do: func(_ *testing.T, s Spool) {
				add(s, "a", "b", "c")
				peek(s, 3, all)
				add(s, "d", "e")
				settle(s, 1)
			},
			left:    []string{"c", "d", "e"},
			dropped: 1,
		},
		{
			name: "lines pushed out behind the ones being sent are lost at once",
			room: 3,
			do: func(t *testing.T, s Spool) {
				add(s, "a", "b", "c")
				peek(s, 1, all)
				if got := add(s, "d", "e"); got != 1 {
					t.Errorf("Append dropped %d, want 1: b", got)
				}
				settle(s, 1)
			},
			left:    []string{"c", "d", "e"},
			dropped: 1,
		},
		{
			name:    "a peek that is never advanced gives its pushed out lines up",
			room:    2,
			do:      func(_ *testing.T, s Spool) { add(s, "a", "b"); peek(s, 2, all); add(s, "c") },
			left:    []string{"b", "c"},
			dropped: 1,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			maxBytes := int64(DefaultMaxBytes)
			if tt.room > 0 {
				maxBytes = r.roomFor(tt.room, 1)
			}
			s := r.open(t, maxBytes)
			tt.do(t, s)
			if diff := cmp.Diff(tt.left, peek(s, 100, all)); diff != "" {
				t.Errorf("left (-want +got):\n%s", diff)
			}
			settle(s, 0)
			if got := s.Stats().DroppedLines; got != tt.dropped {
				t.Errorf("dropped %d, want %d", got, tt.dropped)
			}
		})
	}
}

func TestBytesAreCountedWithOverhead(t *testing.T) { eachSpool(t, testBytes) }

func testBytes(t *testing.T, r rig) {
	s := r.open(t, 0)
	add(s, "abc", "de")
	if got, want := s.Stats().Bytes, 5+2*r.weight; got != want {
		t.Errorf("bytes %d, want %d", got, want)
	}
	peek(s, 1, 1)
	settle(s, 1)
	if got, want := s.Stats().Bytes, 2+r.weight; got != want {
		t.Errorf("bytes after one is delivered %d, want %d", got, want)
	}
	peek(s, 1, 1)
	settle(s, 1)
	if got := s.Stats(); got != (Stats{}) {
		t.Errorf("stats when nothing is left: %+v", got)
	}
}

func TestTheAgeOfTheOldest(t *testing.T) { eachSpool(t, testAge) }

func testAge(t *testing.T, r rig) {
	synctest.Test(t, func(t *testing.T) {
		s := r.open(t, 0)
		time.Sleep(time.Hour)
		add(s, "a")
		time.Sleep(3 * time.Second)
		add(s, "b")
		time.Sleep(2 * time.Second)
		if got := s.Stats().Oldest; got != 5*time.Second {
			t.Errorf("oldest %v, want 5s", got)
		}
		peek(s, 1, 1)
		settle(s, 1)
		if got := s.Stats().Oldest; got != 2*time.Second {
			t.Errorf("oldest %v, want 2s", got)
		}
	})
}

func TestReadyAfterAppend(t *testing.T) { eachSpool(t, testReady) }

func testReady(t *testing.T, r rig) {
	s := r.open(t, 0)
	select {
	case <-s.Ready():
		t.Error("an empty spool is ready")
	default:
	}
	add(s, "a", "b")
	<-s.Ready()
	select {
	case <-s.Ready():
		t.Error("ready twice without an append between")
	default:
	}
}

func TestEveryLineIsAccountedFor(t *testing.T) { eachSpool(t, testAccount) }

func testAccount(t *testing.T, r rig) {
	const producers = 4
	each := 5000
	if r.name != "memory" {
		each = 500 // a file each
	}
	s := r.open(t, r.roomFor(50, 8))
	var wg sync.WaitGroup
	for p := range producers {
		wg.Go(func() {
			for i := range each {
				s.Append(fmt.Appendf(nil, "%d:%06d", p, i))
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()

	last := [producers]int{-1, -1, -1, -1}
	delivered := uint64(0)
	rng := rand.New(rand.NewPCG(3, 4))
	var batch [][]byte
	for finished := false; ; {
		batch = hold(s, 20, 1<<20, batch[:0])
		if len(batch) == 0 {
			if finished {
				break
			}
			select {
			case <-s.Ready():
			case <-done:
				finished = true
			}
			continue
		}
		n := rng.IntN(len(batch) + 1)
		for _, line := range batch[:n] {
			var p, i int
			if _, err := fmt.Sscanf(string(line), "%d:%d", &p, &i); err != nil {
				t.Fatal(err)
			}
			if i <= last[p] {
				t.Fatalf("line %d of producer %d came after %d", i, p, last[p])
			}
			last[p] = i
		}
		settle(s, n)
		delivered += uint64(n)
	}
	if got := delivered + s.Stats().DroppedLines; got != uint64(producers*each) {
		t.Errorf("%d delivered and %d dropped make %d, want %d", delivered, s.Stats().DroppedLines, got, producers*each)
	}
}
