package output

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sends records the batches that a fake was handed, and when.
type sends struct {
	mu    sync.Mutex
	began time.Time
	all   []string
}

func (s *sends) record(_ context.Context, lines [][]byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var joined []string
	for _, line := range lines {
		joined = append(joined, string(line))
	}
	s.all = append(s.all, time.Since(s.began).String()+" "+strings.Join(joined, ","))
	return len(lines), nil
}

func (s *sends) list() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.all...)
}

func TestLinesThatComeOneAfterTheOtherShareAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sends{began: time.Now()}
		b := newBench(&fake{send: s.record}, 0)
		defer b.close()
		say := func(lines ...string) {
			for _, line := range lines {
				b.enqueue([]byte(line))
				synctest.Wait()
			}
		}
		say("a", "b", "c")           // a goes at once, the others when they were gathered
		time.Sleep(time.Millisecond) // they go
		synctest.Wait()
		say("d")
		time.Sleep(time.Second)
		say("e") // nothing was sent for long
		time.Sleep(time.Second)
		want := []string{"0s a", "1ms b,c", "2ms d", "1.001s e"}
		if diff := cmp.Diff(want, s.list()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

func TestWhatIsGatheredDoesNotHoldBackAFlushOrAFullBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sends{began: time.Now()}
		b := newBench(&fake{send: s.record}, 0)
		defer b.close()
		b.enqueue([]byte("a"))
		synctest.Wait()
		b.enqueue([]byte("b"))
		if err := b.fanout.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		time.Sleep(time.Second)
		s.mu.Lock()
		s.began, s.all = time.Now(), nil
		s.mu.Unlock()
		large := strings.Repeat("x", defaultBatch.bytes/2)
		for range 5 {
			b.enqueue([]byte(large))
		}
		synctest.Wait()
		for _, sent := range s.list() {
			if !strings.HasPrefix(sent, "0s ") {
				t.Errorf("a large line waited: %.10s", sent)
			}
		}
		if n := len(s.list()); n < 2 || n > 5 {
			t.Errorf("%d batches", n)
		}
	})
}
