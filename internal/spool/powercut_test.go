package spool

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// durable is a disk that keeps what was synced and nothing else: the bytes that a file had when its data was synced last,
// under the names that its folder had when that was.
type durable struct {
	t    *testing.T
	path string // of the spool

	mu     sync.Mutex        // protects the following
	made   bool              // the folder itself is kept
	names  map[string]uint64 // inodes
	bytes  map[uint64][]byte // by inode
	pinned map[uint64]*os.File
	cuts   map[string]*cut
	order  []*cut
	must   map[int]bool // lines that were promised and are not acknowledged
	never  map[int]bool // lines of which it is promised that they were acknowledged
	out    int          // how many lines were handed out
}

// cut is what a power cut leaves, and what has to come, and not to come, of it.
type cut struct {
	at          point
	files       map[string][]byte // nil if there is no folder
	must, never map[int]bool
	out         int
}

func newDurable(t *testing.T, path string) *durable {
	m := &durable{t: t, path: path, names: map[string]uint64{}, bytes: map[uint64][]byte{}, pinned: map[uint64]*os.File{},
		cuts: map[string]*cut{}, must: map[int]bool{}, never: map[int]bool{}}
	t.Cleanup(func() {
		for _, f := range m.pinned {
			f.Close()
		}
	})
	return m
}

func (m *durable) kernel() kernel { return kernel{fdatasync: m.fdatasync, fsync: m.fsync} }

// pin returns the inode of a file, and sees to it that no other gets its number.
func (m *durable) pin(path string) uint64 {
	f, err := os.Open(path)
	if err != nil {
		m.t.Error(err)
		return 0
	}
	info, err := f.Stat()
	if err != nil {
		m.t.Error(err)
	}
	inode := info.Sys().(*syscall.Stat_t).Ino
	if m.pinned[inode] != nil {
		f.Close()
	} else {
		m.pinned[inode] = f
	}
	return inode
}

func (m *durable) fdatasync(fd int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	inode := m.pin("/proc/self/fd/" + strconv.Itoa(fd))
	f := m.pinned[inode]
	info, err := f.Stat()
	if err != nil {
		return err
	}
	b := make([]byte, info.Size())
	if _, err := f.ReadAt(b, 0); err != nil && err != io.EOF {
		return err
	}
	m.bytes[inode] = b
	return nil
}

func (m *durable) fsync(fd int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch path, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd)); {
	case err != nil:
		return err
	case path == filepath.Dir(m.path):
		_, err := os.Stat(m.path)
		m.made = err == nil
		return nil
	case path != m.path:
		m.t.Errorf("%s is synced", path)
		return nil
	}
	m.names = map[string]uint64{}
	for _, name := range m.present() {
		m.names[name] = m.pin(filepath.Join(m.path, name))
	}
	return nil
}

func (m *durable) present() (names []string) {
	entries, err := os.ReadDir(m.path)
	if err != nil && !os.IsNotExist(err) {
		m.t.Error(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// hook has a power cut at each point.
func (m *durable) hook(p point, n int) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cut(p)
	return n, nil
}

// cut notes what there would be after a power cut now. That a file was removed may come to the disk before anything else.
func (m *durable) cut(p point) {
	if !m.made {
		m.note(p, nil)
		return
	}
	files, fewer := map[string][]byte{}, map[string][]byte{}
	present := m.present()
	for name, inode := range m.names {
		files[name] = m.bytes[inode]
		if slices.Contains(present, name) {
			fewer[name] = m.bytes[inode]
		}
	}
	m.note(p, files)
	m.note(p, fewer)
}

func (m *durable) note(p point, files map[string][]byte) {
	var all []string
	for name, content := range files {
		all = append(all, fmt.Sprintf("%s %x", name, content))
	}
	sort.Strings(all)
	key := strings.Join(all, "\n")
	c := m.cuts[key]
	if c == nil {
		c = &cut{files: files, must: map[int]bool{}, never: map[int]bool{}}
		m.cuts[key] = c
		m.order = append(m.order, c)
	}
	c.at, c.out = p, m.out
	for n := range m.must {
		c.must[n] = true
	}
	for n := range m.never {
		c.never[n] = true
	}
}

// promise notes what holds from now on: the lines from and up to below to, to excluded, are kept.
func (m *durable) promise(from, to int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for n := from; n < to; n++ {
		m.must[n] = true
	}
	m.cut("after a promise")
}

// free notes that the lines below n may come, but need not.
func (m *durable) free(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.out = n
	for i := range n {
		delete(m.must, i)
	}
}

// over notes that the lines below n must not come again.
func (m *durable) over(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range n {
		m.never[i] = true
	}
	m.cut("after a sync")
}

// check opens what each of the power cuts leaves.
func (m *durable) check(t *testing.T) {
	t.Helper()
	if len(m.order) < 6 {
		t.Errorf("only %d different power cuts", len(m.order))
	}
	for i, c := range m.order {
		dir := filepath.Join(t.TempDir(), "spool")
		if c.files != nil {
			restore(t, dir, c.files)
		}
		o := several()
		o.Path, o.SyncEvery = dir, time.Hour
		d, err := OpenDisk(o)
		if err != nil {
			t.Fatalf("cut %d, at %q: %v", i, c.at, err)
		}
		came := map[int]bool{}
		for _, line := range drain(t, d) {
			n, err := strconv.Atoi(strings.Trim(line, `{"n:}`))
			if err != nil {
				t.Fatal(err)
			}
			came[n] = true
			if c.never[n] {
				t.Errorf("cut %d, at %q: the line %d comes again, though that it was acknowledged was synced", i, c.at, n)
			}
		}
		for n := range c.must {
			if !came[n] {
				t.Errorf("cut %d, at %q: the line %d was promised and is gone", i, c.at, n)
			}
		}
		// A segment that is done with is not synced any more; that it is done with may not be on the disk yet.
		if st := d.Stats(); st.DamagedLines > uint64(c.out) {
			t.Errorf("cut %d, at %q: %d lines count as damaged, and %d were out", i, c.at, st.DamagedLines, c.out)
		}
		_ = d.Close()
	}
}

// A power cut at any point costs nothing that was promised: with SyncEvery 0 each line that Append has returned for, else
// what came before a sync; and after a sync nothing that was acknowledged before it comes again.
func TestAPowerCutAtEachPoint(t *testing.T) {
	for _, c := range []struct {
		name  string
		every time.Duration
		acks  bool
		fails point
	}{
		{"each line is synced", 0, true, atNothing},
		{"synced at times", time.Hour, true, atNothing},
		{"nothing is acknowledged", time.Hour, false, atNothing},
		{"without room for another cursor", 0, true, atCursorCreate},
		{"segments have to be copied", time.Hour, true, atSegmentSync},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "spool")
			m := newDurable(t, dir)
			o := several()
			o.Path, o.SyncEvery, o.kernel, o.stall = dir, c.every, m.kernel(), time.Minute
			first, count := true, 0
			o.hook = func(p point, n int) (int, error) {
				n, err := m.hook(p, n)
				if p != c.fails || p == atNothing {
					return n, err
				}
				m.mu.Lock()
				defer m.mu.Unlock()
				if count++; first && p == atCursorCreate || p == atSegmentSync && count%2 == 0 {
					first = false // there is a cursor to write over
					return n, nil
				}
				return 0, unix.ENOSPC
			}
			d, err := OpenDisk(o)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			out := 0
			for i := range 60 {
				add(d, numbered(i, i+1)...)
				if c.every == 0 {
					m.promise(i, i+1)
				}
				if c.acks && i%3 == 2 {
					lines, _ := d.Next(2, 1<<20, nil)
					out += len(lines)
					m.free(out)
					d.Ack(len(lines))
				}
				if i%10 == 9 {
					if ok := d.sync(false); !ok && !d.sync(false) {
						t.Error("no sync")
					}
					m.promise(out, i+1)
					m.over(out)
				}
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
			m.promise(out, 60)
			m.check(t)
		})
	}
}

// What the tests put a model in the place of is the real thing.
func TestTheRealKernelSyncs(t *testing.T) {
	is := func(a, b any) bool { return reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer() }
	d := opened(t, filepath.Join(t.TempDir(), "spool"), Options{})
	if k := d.folder.kernel; !is(k.fdatasync, unix.Fdatasync) || !is(k.fsync, unix.Fsync) {
		t.Error("a spool is not synced by the kernel")
	}
}

// What is written is synced when SyncEvery has passed since the first of it, and not sooner.
func TestTheTimeOfASync(t *testing.T) {
	for _, every := range []time.Duration{10 * time.Millisecond, time.Second, 5 * time.Second, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			var synced []time.Time
			k := realKernel
			k.fdatasync = func(fd int) error {
				if name, _ := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd)); strings.Contains(name, segmentPrefix) {
					mu.Lock()
					defer mu.Unlock()
					synced = append(synced, time.Now())
				}
				return nil
			}
			d, err := OpenDisk(Options{Path: filepath.Join(t.TempDir(), "spool"), SyncEvery: every, kernel: k})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			for range 3 {
				time.Sleep(3 * every)
				synctest.Wait()
				mu.Lock()
				synced = nil
				mu.Unlock()
				began := time.Now()
				add(d, "a")
				synctest.Wait()
				time.Sleep(every / 2)
				add(d, "b")
				synctest.Wait()
				time.Sleep(every/2 + 1)
				synctest.Wait()
				mu.Lock()
				if len(synced) != 1 || synced[0].Sub(began) != every {
					t.Errorf("written at %v and synced at %v, every %v", began, synced, every)
				}
				mu.Unlock()
			}
		})
	}
}
