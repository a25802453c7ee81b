package engine

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
)

func TestAllThatIsDroppedIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, said := newTestVoice(SelfChanges, zap.NewNop())
		d := newDrops()
		d.note("tcp:a", map[string]uint64{"damaged": 2}) // before there is a voice
		d.begin(v)
		d.note("tcp:b", map[string]uint64{"spool_full": 1})
		for range 15 {
			d.note("tcp:a", map[string]uint64{"spool_full": 1000})
			d.note("tcp:a", map[string]uint64{"too_large": 1})
			time.Sleep(10 * time.Second)
		}
		time.Sleep(10 * time.Minute)
		d.note("tcp:a", map[string]uint64{"spool_full": 7})
		d.note("tcp:a", map[string]uint64{"spool_full": 8})
		synctest.Wait()
		d.end()
		d.note("tcp:a", map[string]uint64{"spool_full": 9})
		var got []string
		for _, m := range *said {
			got = append(got, m.Event.Comment)
		}
		want := 2 + 15*1001 + 1 + 7 + 8 + 9
		sum := 0
		for _, comment := range got {
			n := 0
			if _, err := fmt.Sscanf(comment, "%d messages for", &n); err != nil {
				t.Fatalf("%q: %v", comment, err)
			}
			sum += n
		}
		if sum != want || len(got) != 8 {
			t.Errorf("%d dropped, want %d in 8 messages: %q", sum, want, got)
		}
		if first, last := got[0], got[len(got)-1]; first != "2 messages for tcp:a were dropped: damaged 2" || last != "9 messages for tcp:a were dropped: spool_full 9" {
			t.Errorf("first %q, last %q", first, last)
		}
	})
}
