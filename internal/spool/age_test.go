package spool

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// The age is that of the oldest line that waits, or of one that came right before it: nothing in memory tells of the line
// behind the one that was acknowledged.
func TestTheAgeOfWhatIsLeftOfASegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "spool")
		o := Options{Path: dir, SyncEvery: time.Second, cacheBytes: 1}
		d, err := OpenDisk(o)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for _, line := range numbered(0, 6) { // at 0, 1, 2 and so on minutes
			add(d, line)
			time.Sleep(time.Minute)
		}
		check := func(what string, came time.Duration) {
			t.Helper()
			synctest.Wait()
			if got, want := d.Stats().Oldest, time.Since(began)-came; got != want {
				t.Errorf("%s: the oldest has waited for %v, want %v", what, got, want)
			}
		}
		check("all wait", 0)
		next(d, 3)
		d.Ack(2)
		check("one is out", 2*time.Minute)
		d.Ack(1)
		check("three are done with", 2*time.Minute)
		next(d, 1)
		check("one more is out", 3*time.Minute)
		d.Rewind()
		check("it is taken back", 2*time.Minute)
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if d, err = OpenDisk(o); err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		check("after a restart, where the line was looked for", 3*time.Minute)
		next(d, 1)
		d.Ack(1)
		check("after a restart, with one more done", 3*time.Minute)
	})
}
