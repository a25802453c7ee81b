package spool

import (
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// slowDisk opens a spool on a disk that takes a while for each write. It is to be closed in its bubble.
func slowDisk(t *testing.T, path string, every time.Duration, o Options) (*Disk, *atomic.Int64) {
	t.Helper()
	took := new(atomic.Int64)
	o.Path, o.SyncEvery = path, every
	o.hook = func(at point, n int) (int, error) {
		if at == atSegmentWrite {
			time.Sleep(time.Duration(took.Load()))
		}
		return n, nil
	}
	d, err := OpenDisk(o)
	if err != nil {
		t.Fatal(err)
	}
	return d, took
}

func (n *told) kinds() (all []NoticeKind) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, x := range n.all {
		all = append(all, x.Kind)
	}
	return all
}

// appendEach hands over a line every 10 ms, for a second or as long as the waiting takes, and says how long that was.
func appendEach(d *Disk, from int) (waited time.Duration) {
	for i := range 100 {
		began := time.Now()
		add(d, numbered(from+i, from+i+1)...)
		waited += time.Since(began)
		time.Sleep(10 * time.Millisecond)
	}
	return waited
}

func TestASlowDiskIsWaitedForOnlyAPartOfTheTime(t *testing.T) {
	for _, took := range []time.Duration{3, 12, 80, 99, 150, 2000} {
		took *= time.Millisecond
		t.Run(took.String(), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "spool")
			synctest.Test(t, func(t *testing.T) {
				n := newTold()
				d, disk := slowDisk(t, path, time.Second, Options{Notify: n.notify})
				defer d.Close()
				disk.Store(int64(took))
				var waited time.Duration
				for i := range 10 {
					w := appendEach(d, 100*i)
					waited += w
					if w > 300*time.Millisecond { // two tenths and the first millisecond of each
						t.Errorf("within second %d it was waited for %v", i, w)
					}
				}
				if waited > 1200*time.Millisecond {
					t.Errorf("within ten seconds it was waited for %v", waited)
				}
				want := []NoticeKind{Slow, Recovered}
				if took > 100*time.Millisecond {
					want = []NoticeKind{Failing, Slow, Recovered}
				}
				time.Sleep(5 * time.Second)
				disk.Store(0)
				appendEach(d, 1000)
				time.Sleep(5 * time.Second)
				if got := n.kinds(); !slices.Equal(got, want) || d.Stats().DroppedLines > 0 {
					t.Errorf("when it is quick again: notices %v, want %v; %+v", got, want, d.Stats())
				}
				disk.Store(int64(5 * time.Millisecond))
				began := time.Now()
				add(d, "{}")
				if time.Since(began) < 5*time.Millisecond {
					t.Error("when it is quick again, it is not waited for")
				}
				if err := d.Close(); err != nil {
					t.Error(err)
				}
			})
			wantLines(t, opened(t, path, Options{}), append(numbered(0, 1100), "{}"))
		})
	}
}

// Where each line is brought to the disk itself, that is what was asked for, and whoever asked hears what it costs.
func TestASlowDiskIsWaitedForWhereEachLineIsSynced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool")
	synctest.Test(t, func(t *testing.T) {
		n := newTold()
		d, disk := slowDisk(t, path, 0, Options{Notify: n.notify})
		defer d.Close()
		disk.Store(int64(80 * time.Millisecond))
		if waited := appendEach(d, 0); waited < 100*80*time.Millisecond {
			t.Errorf("100 lines were waited for only %v", waited)
		}
		n.await(t, Slow)
		disk.Store(int64(8 * time.Millisecond)) // less than half of the time
		for i := range 5 {
			appendEach(d, 100+100*i)
		}
		n.await(t, Recovered)
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
}
