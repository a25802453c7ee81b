package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// eventually waits until something is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("this did not come: %s", what)
		}
	}
}

func allWritten(d *Disk) func() bool {
	return func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.unwritten.len == 0
	}
}

// While anything fails, lines are taken and delivered; when nothing fails any more, all is as if it had not.
func TestAFailureAtEachPoint(t *testing.T) {
	for _, p := range pointsOf(t) {
		if p == atSegmentRead {
			continue // what cannot be read is damaged
		}
		for _, failure := range []unix.Errno{unix.ENOSPC, unix.EIO, unix.EROFS} {
			t.Run(fmt.Sprintf("%s: %v", p, failure), func(t *testing.T) {
				t.Parallel()
				dir := filepath.Join(t.TempDir(), "spool")
				var bad atomic.Bool
				o := several()
				o.heldBytes, o.retry = 1<<20, time.Millisecond
				o.hook = func(at point, n int) (int, error) {
					if bad.Load() && (at == p || at == failsFirst(p)) {
						return n / 2, failure
					}
					return n, nil
				}
				d := opened(t, dir, o)
				add(d, numbered(0, 20)...)
				bad.Store(true)
				add(d, numbered(20, 40)...)
				d.sync(false)
				got, _ := next(d, 5)
				d.Ack(5)
				d.Rewind()
				if diff := cmp.Diff(numbered(0, 5), got); diff != "" {
					t.Errorf("while it fails (-want +got):\n%s", diff)
				}
				add(d, numbered(40, 45)...)
				d.sync(false)
				bad.Store(false)
				add(d, numbered(45, 50)...)
				eventually(t, "all is written", allWritten(d))
				eventually(t, "all is synced", func() bool { return d.sync(false) })
				if st := d.Stats(); st.DroppedLines > 0 || st.Lines != 45 {
					t.Errorf("after a failure: %+v", st)
				}
				kill(d)
				o.hook = nil
				d = opened(t, dir, o)
				wantLines(t, d, numbered(5, 50))
				if st := d.Stats(); st.DroppedLines > 0 {
					t.Errorf("after a failure and a restart: %+v", st)
				}
			})
		}
	}
}

// A disk that fails when the spool is opened keeps no line from being delivered where there is a folder; without one, the
// error says why.
func TestAFailureAtTheStart(t *testing.T) {
	files := small(t, 30, 5, kill)
	for _, p := range pointsOf(t) {
		dir := filepath.Join(t.TempDir(), "spool")
		restore(t, dir, files)
		o := several()
		o.heldBytes = 1 << 20
		o.hook = func(at point, n int) (int, error) {
			if at == p && at != atSegmentRead {
				return n / 2, unix.ENOSPC
			}
			return n, nil
		}
		d := opened(t, dir, o)
		add(d, numbered(30, 32)...)
		wantLines(t, d, numbered(5, 32))
		_ = d.Close()
	}
	for _, p := range []point{atFolderMake, atLockCreate, atIDWrite} {
		d, err := OpenDisk(Options{Path: filepath.Join(t.TempDir(), "spool"), hook: func(at point, n int) (int, error) {
			if at == p {
				return 0, unix.ENOSPC
			}
			return n, nil
		}})
		if !errors.Is(err, unix.ENOSPC) {
			t.Errorf("%s: %v %v", p, d, err)
		}
	}
}

func TestWhatIsHeldForADiskThatTakesNothingIsBounded(t *testing.T) {
	var bad atomic.Bool
	n := newTold()
	dir := filepath.Join(t.TempDir(), "spool")
	d := opened(t, dir, Options{segmentBytes: 4000, heldBytes: 4000, retry: time.Millisecond, cacheBytes: 1, Notify: n.notify, hook: func(at point, n int) (int, error) {
		if bad.Load() && at == atSegmentWrite {
			return 0, unix.ENOSPC
		}
		return n, nil
	}})
	add(d, numbered(0, 10)...)
	bad.Store(true)
	for i := 10; i < 1000; i++ {
		add(d, numbered(i, i+1)...)
		d.mu.Lock()
		if d.failing && d.unwrittenBytes > 4000 {
			t.Errorf("%d bytes are held", d.unwrittenBytes)
		}
		d.mu.Unlock()
	}
	n.await(t, Failing)
	st := d.Stats()
	if st.UnwrittenLines == 0 || st.UnwrittenLines != st.DroppedLines || st.Lines+int(st.DroppedLines) != 1000 {
		t.Errorf("%+v", st)
	}
	bad.Store(false)
	eventually(t, "all is written", allWritten(d))
	n.await(t, Recovered)
	_ = d.Close()
	d = opened(t, dir, Options{})
	wantLines(t, d, append(numbered(0, 10), numbered(10+int(st.DroppedLines), 1000)...))
	if got := d.Stats(); got.DroppedLines > 0 {
		t.Errorf("what was dropped before counts as damaged: %+v", got)
	}
}

func TestADiskThatDoesNotAnswer(t *testing.T) {
	answer := make(chan struct{})
	var bad atomic.Bool
	n := newTold()
	dir := filepath.Join(t.TempDir(), "spool")
	d := opened(t, dir, Options{stall: 20 * time.Millisecond, Notify: n.notify, hook: func(at point, n int) (int, error) {
		if bad.Load() && at == atSegmentWrite {
			<-answer
		}
		return n, nil
	}})
	add(d, numbered(0, 5)...)
	bad.Store(true)
	add(d, numbered(5, 500)...) // does not hang
	n.await(t, Failing)
	got, _ := next(d, 20)
	if diff := cmp.Diff(numbered(0, 20), got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	d.Ack(20)
	bad.Store(false)
	close(answer)
	n.await(t, Recovered)
	eventually(t, "all is written", allWritten(d))
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	wantLines(t, opened(t, dir, Options{}), numbered(20, 500))
}

func TestWhatCannotBeWrittenAtTheEndIsCounted(t *testing.T) {
	d := opened(t, filepath.Join(t.TempDir(), "spool"), Options{hook: func(at point, n int) (int, error) {
		if at == atSegmentWrite {
			return 0, unix.EIO
		}
		return n, nil
	}})
	add(d, "a", "b")
	err := d.Close()
	if st := d.Stats(); err == nil || st.Lines != 0 || st.UnwrittenLines != 2 || st.DroppedLines != 2 {
		t.Errorf("%v, %+v", err, st)
	}
}

func TestPagesThatCannotBeReadCostWhatIsOnThem(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	reads := 0
	d := opened(t, dir, Options{cacheBytes: 1, hook: func(at point, n int) (int, error) {
		if at == atSegmentRead {
			// All of the first read fails, then the page 2 of those that are read one by one.
			if reads++; reads == 1 || reads == 4 {
				return 0, unix.EIO
			}
		}
		return n, nil
	}})
	add(d, numbered(0, 1000)...)
	got := drain(t, d)
	st := d.Stats()
	if len(got)+int(st.DamagedLines) != 1000 || st.DamagedLines == 0 || st.DamagedLines > pageBytes/headerBytes+1 {
		t.Errorf("%d lines came: %+v", len(got), st)
	}
}

// tmpfs mounts one.
func tmpfs(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("a tmpfs cannot be mounted, which takes root and its capabilities: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

func TestAFullDisk(t *testing.T) {
	for _, c := range []struct{ name, options string }{{"no space", "size=64k"}, {"no inodes", "nr_inodes=8"}} {
		t.Run(c.name, func(t *testing.T) {
			base := tmpfs(t, c.options)
			dir := filepath.Join(base, "spool")
			n := newTold()
			o := Options{segmentBytes: 4000, heldBytes: 1 << 20, retry: time.Millisecond, cacheBytes: 1, Notify: n.notify}
			d := opened(t, dir, o)
			total := 0
			for ; total < 50000 && allWritten(d)(); total++ {
				add(d, numbered(total, total+1)...)
			}
			n.await(t, Failing)
			add(d, numbered(total, total+100)...)
			total += 100
			wantLines(t, d, numbered(0, total))
			eventually(t, "the disk is well again", func() bool { return d.sync(false) && allWritten(d)() })
			add(d, numbered(total, total+10)...)
			eventually(t, "all is written", allWritten(d))
			kill(d)
			got := drain(t, opened(t, dir, o))
			if diff := cmp.Diff(numbered(total, total+10), got[max(0, len(got)-10):]); diff != "" {
				t.Errorf("after the disk was full (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAReadOnlyFolder(t *testing.T) {
	var dir string
	if os.Geteuid() == 0 {
		base := tmpfs(t, "")
		dir = filepath.Join(base, "spool")
		d := opened(t, dir, Options{})
		_ = d.Close()
		if err := unix.Mount("", base, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			t.Skip(err)
		}
	} else {
		dir = filepath.Join(t.TempDir(), "spool")
		if err := os.Mkdir(dir, 0o500); err != nil {
			t.Fatal(err)
		}
	}
	if d, err := OpenDisk(Options{Path: dir}); err == nil {
		_ = d.Close()
		t.Error("a folder that cannot be written to is taken")
	}
}

// What is done with takes up no more room than what may wait, also where no cursor can say that it is done with.
func TestWithoutACursorTheDiskStaysBounded(t *testing.T) {
	const most = 50 << 10
	for name, delivered := range map[string]bool{"delivered": true, "dropped": false} {
		for _, once := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, there was a cursor: %v", name, once), func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "spool")
				var bad atomic.Bool
				bad.Store(!once)
				n := newTold()
				o := Options{segmentBytes: 1000, MaxBytes: most, cacheBytes: 1, retry: time.Hour, Notify: n.notify}
				o.hook = func(p point, n int) (int, error) {
					if bad.Load() && (p == atCursorCreate || p == atCursorPatch) {
						return 0, unix.EIO
					}
					return n, nil
				}
				d := opened(t, dir, o)
				add(d, "first")
				d.sync(false)
				bad.Store(true)
				used := func() (sum int64) {
					for _, name := range segmentFiles(t, dir) {
						if info, err := os.Stat(name); err == nil {
							sum += segmentOverhead + info.Size()
						}
					}
					return sum
				}
				wait := func() { // for the syncer to have done what it can
					eventually(t, "the disk is bounded", func() bool { return used() <= 2*most+2*(segmentOverhead+1000) })
				}
				taken := 0
				for i := range 3000 {
					add(d, numbered(i, i+1)...)
					if delivered && i%10 == 9 {
						taken += len(drain(t, d))
					}
					if i%100 == 99 {
						wait()
					}
				}
				wait()
				if why := n.await(t, Failing).Err.Error(); !strings.Contains(why, "comes again") {
					t.Errorf("the notice does not say what that means: %s", why)
				}
				kill(d)
				o.hook = nil
				d = opened(t, dir, o)
				if st := d.Stats(); st.DroppedLines > 0 {
					t.Errorf("after the restart: %+v", st)
				}
				add(d, "last")
				if got := drain(t, d); len(got) == 0 || got[len(got)-1] != "last" {
					t.Errorf("after the restart: %v", got)
				}
			})
		}
	}
}

// Where no cursor could ever be kept, the folder is not used.
func TestAFolderInThePlaceOfTheCursor(t *testing.T) {
	for _, name := range []string{cursorName, cursorName + tempSuffix} {
		dir := filepath.Join(t.TempDir(), "spool")
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if d, err := OpenDisk(Options{Path: dir}); err == nil || !strings.Contains(err.Error(), name) {
			_ = d.Close()
			t.Errorf("%s is a folder, and the spool is opened: %v", name, err)
		}
	}
}

// Room that there is again is used at once, not when the writer would have tried again.
func TestRoomThatIsMadeIsUsedAtOnce(t *testing.T) {
	var full atomic.Bool
	o := several()
	o.heldBytes, o.retry = 1<<20, time.Hour
	o.hook = func(p point, n int) (int, error) {
		switch p {
		case atSegmentWrite:
			if full.Load() {
				return 0, unix.ENOSPC
			}
		case atSegmentGone:
			full.Store(false)
		}
		return n, nil
	}
	d := opened(t, filepath.Join(t.TempDir(), "spool"), o)
	add(d, numbered(0, 20)...)
	full.Store(true)
	add(d, numbered(20, 30)...)
	if allWritten(d)() {
		t.Fatal("all is written to a full disk")
	}
	next(d, 15)
	d.Ack(15)
	eventually(t, "all is written", allWritten(d))
	wantLines(t, d, numbered(15, 30))
}
