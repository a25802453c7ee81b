package spool

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// opened opens a spool in the folder dir, which is closed when the test ends.
func opened(t testing.TB, dir string, o Options) *Disk {
	t.Helper()
	o.Path = dir
	if o.SyncEvery == 0 {
		o.SyncEvery = time.Hour // nothing happens but what is asked for
	}
	inner, dead := o.hook, atomic.Bool{}
	o.hook = func(p point, n int) (int, error) {
		if p == dies {
			dead.Store(true)
		}
		if dead.Load() {
			return 0, errors.New("killed")
		}
		if inner != nil {
			return inner(p, n)
		}
		return n, nil
	}
	d, err := OpenDisk(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

const dies point = "dies"

// kill leaves a spool as a process does that is killed: nothing more is written, and the folder is not locked.
func kill(d *Disk) {
	_ = d.folder.hook.at(dies)
	_ = d.Close()
}

func numbered(from, to int) (lines []string) {
	for i := from; i < to; i++ {
		lines = append(lines, fmt.Sprintf(`{"n":%d}`, i))
	}
	return lines
}

// drain takes everything out, acknowledges it, and checks that a number is given to one line.
func drain(t testing.TB, s Spool) (lines []string) {
	t.Helper()
	last := uint64(0)
	for {
		got, first := s.Next(7, 1<<20, nil)
		if len(got) == 0 {
			return lines
		}
		if lines != nil && first <= last {
			t.Errorf("the number %d comes after %d", first, last)
		}
		last = first + uint64(len(got)) - 1
		for _, line := range got {
			lines = append(lines, string(line))
		}
		s.Ack(len(got))
	}
}

func wantLines(t testing.TB, s Spool, want []string) {
	t.Helper()
	if n := s.Stats().Lines; n != len(want) {
		t.Errorf("the spool says that it has %d lines, want %d", n, len(want))
	}
	if diff := cmp.Diff(want, drain(t, s)); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func segmentFiles(t testing.TB, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, ok := parseSegmentName(e.Name()); ok {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	return names
}

// Options that make for several segments of some lines each, which are read back from the disk.
func several() Options { return Options{segmentBytes: 250, cacheBytes: 1} }

func TestWhatIsLeftIsThereAfterAReopening(t *testing.T) {
	for _, end := range []struct {
		name string
		do   func(*Disk)
	}{{"close", func(d *Disk) { _ = d.Close() }}, {"kill", kill}} {
		t.Run(end.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "spool")
			d := opened(t, dir, several())
			id := d.ID()
			add(d, numbered(0, 30)...)
			_, first := next(d, 10)
			d.Ack(10)
			d.sync(false)
			end.do(d)
			for round := range 3 {
				d = opened(t, dir, several())
				if d.ID() != id {
					t.Errorf("the spool has another identity")
				}
				if d.Restored() != 20+round {
					t.Errorf("%d lines were found, want %d", d.Restored(), 20+round)
				}
				got, seq := next(d, 1)
				if diff := cmp.Diff(numbered(10, 11), got); diff != "" || seq != first+10 {
					t.Errorf("line %d, want %d: %s", seq, first+10, diff)
				}
				add(d, numbered(30+round, 31+round)...)
				end.do(d)
			}
			d = opened(t, dir, several())
			wantLines(t, d, numbered(10, 33))
			if err := d.Close(); err != nil {
				t.Error(err)
			}
			if names := segmentFiles(t, dir); len(names) > 0 {
				t.Errorf("all is delivered, and there are %v", names)
			}
			d = opened(t, dir, several())
			add(d, "x")
			if _, seq := next(d, 1); seq < first+33 {
				t.Errorf("the number %d is given again", seq)
			}
		})
	}
}

func TestACleanEndAndABeginningGoOnInTheSameFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	for i := range 20 {
		d := opened(t, dir, Options{})
		add(d, numbered(i, i+1)...)
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if names := segmentFiles(t, dir); len(names) != 1 {
		t.Errorf("%d files for 20 lines of 20 processes", len(names))
	}
	wantLines(t, opened(t, dir, Options{}), numbered(0, 20))
}

func TestTheAgeSurvives(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	before := time.Now()
	d := opened(t, dir, several())
	add(d, numbered(0, 30)...)
	kill(d)
	d = opened(t, dir, several())
	for range 2 {
		if age, most := d.Stats().Oldest, time.Since(before); age <= 0 || age > most {
			t.Errorf("the oldest is %v old, want up to %v", age, most)
		}
		next(d, 9)
		d.Ack(9)
	}
}

func TestAPeerThatKeepsUpLeavesNoFilesBehind(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	d := opened(t, dir, several())
	for i := range 200 {
		add(d, numbered(i, i+1)...)
		wantLines(t, d, numbered(i, i+1))
	}
	eventually(t, "files for nothing are unlinked", func() bool { return len(segmentFiles(t, dir)) <= 1 })
}

func TestASmallerLimitHoldsFromTheNextLineOn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	d := opened(t, dir, several())
	add(d, numbered(0, 30)...)
	_ = d.Close()
	o := several()
	o.MaxBytes = 2 * (segmentOverhead + 250)
	d = opened(t, dir, o)
	dropped := add(d, "x")
	if d.usage > o.MaxBytes {
		t.Errorf("%d bytes are used, %d are allowed", d.usage, o.MaxBytes)
	}
	wantLines(t, d, append(numbered(dropped, 30), "x"))
	if st := d.Stats(); dropped == 0 || st.DroppedLines != uint64(dropped) {
		t.Errorf("%d lines dropped: %+v", dropped, st)
	}
}

func TestASegmentThatIsDroppedWhileItIsRead(t *testing.T) {
	o := several()
	o.MaxBytes = 10 * (segmentOverhead + 250)
	var d *Disk
	reads := 0
	d = opened(t, filepath.Join(t.TempDir(), "spool"), Options{segmentBytes: o.segmentBytes, cacheBytes: 1, MaxBytes: o.MaxBytes,
		hook: func(p point, n int) (int, error) {
			if p == atSegmentRead {
				reads++
				if reads == 1 {
					for i := 1; d.Stats().DroppedLines == 0; i++ {
						d.Append(fmt.Appendf(nil, `{"n":%d}`, 9+i))
					}
				}
			}
			return n, nil
		}})
	add(d, numbered(0, 10)...)
	got, first := next(d, 100)
	if st := d.Stats(); first != st.DroppedLines || len(got) == 0 || got[0] != fmt.Sprintf(`{"n":%d}`, first) {
		t.Errorf("got %v from %d on, with %d dropped", got, first, st.DroppedLines)
	}
}

// small makes a spool of some segments, and returns its files.
func small(t testing.TB, lines, acked int, kept func(*Disk)) map[string][]byte {
	dir := filepath.Join(t.TempDir(), "spool")
	d := opened(t, dir, several())
	add(d, numbered(0, lines)...)
	next(d, acked)
	d.Ack(acked)
	d.sync(false)
	kept(d)
	files := map[string][]byte{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// restore makes a folder of these files.
func restore(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// takeDamaged opens a damaged spool, drains it, and checks what holds for all damage: what comes are lines that were
// handed over, in their order, each once; what does not come is counted; new lines get through.
func takeDamaged(t *testing.T, dir string, all []string) (got []string, damaged uint64) {
	t.Helper()
	o := several()
	o.Path, o.SyncEvery = dir, time.Hour
	d, err := OpenDisk(o)
	if err != nil {
		t.Fatalf("a damaged spool does not open: %v", err)
	}
	defer d.Close()
	add(d, "new")
	got = drain(t, d)
	st := d.Stats()
	if st.Lines != 0 || st.Bytes != 0 || st.DroppedLines != st.DamagedLines {
		t.Errorf("after all was taken: %+v", st)
	}
	if len(got) == 0 || got[len(got)-1] != "new" {
		t.Fatalf("a new line is not the last of %v", got)
	}
	got = got[:len(got)-1]
	at := -1
	for _, line := range got {
		i := slices.Index(all, line)
		if i <= at {
			t.Fatalf("%q comes after %q", line, all[max(at, 0)])
		}
		at = i
	}
	return got, st.DamagedLines
}

func TestAFlipOfEachByte(t *testing.T) {
	const lines, acked = 14, 5
	for _, end := range []struct {
		name string
		do   func(*Disk)
	}{{"closed", func(d *Disk) { _ = d.Close() }}, {"killed", kill}} {
		t.Run(end.name, func(t *testing.T) {
			files := small(t, lines, acked, end.do)
			all := numbered(0, lines)
			dir := filepath.Join(t.TempDir(), "spool")
			for name, content := range files {
				for i := range content {
					flipped := bytes.Clone(content)
					flipped[i] ^= 1 << (i % 8)
					files[name] = flipped
					restore(t, dir, files)
					got, damaged := takeDamaged(t, dir, all)
					_, segment := parseSegmentName(name)
					switch {
					case name == cursorName:
						if damaged != 0 || len(got) < lines-acked {
							t.Errorf("%s, byte %d: %d lines came, %d damaged", name, i, len(got), damaged)
						}
					case segment:
						missing := lines - acked - len(got)
						if missing > 1 || uint64(missing) != damaged {
							t.Errorf("%s, byte %d of %d: %d lines are missing, %d count as damaged", name, i, len(content), missing, damaged)
						}
					case len(got) != lines-acked || damaged != 0:
						t.Errorf("%s, byte %d: %d lines came, %d damaged", name, i, len(got), damaged)
					}
				}
				files[name] = content
			}
		})
	}
}

func TestATruncationAtEachByte(t *testing.T) {
	const lines, acked = 14, 5
	files := small(t, lines, acked, kill)
	all := numbered(acked, lines)
	dir := filepath.Join(t.TempDir(), "spool")
	for name, content := range files {
		_, segment := parseSegmentName(name)
		for i := range content {
			files[name] = content[:i]
			restore(t, dir, files)
			got, damaged := takeDamaged(t, dir, numbered(0, lines))
			if !segment {
				if len(got) < len(all) || damaged != 0 {
					t.Errorf("%s cut to %d: %d lines came, %d damaged", name, i, len(got), damaged)
				}
				continue
			}
			// What is whole before the cut is there, and all other segments are.
			want := 0
			for other, c := range files {
				if _, ok := parseSegmentName(other); ok {
					for _, line := range all {
						if bytes.Contains(c, []byte(line)) {
							want++
						}
					}
				}
			}
			if len(got) != want || uint64(len(all)-want) != damaged {
				t.Errorf("%s cut to %d: %d lines came, want %d; %d damaged, want %d", name, i, len(got), want, damaged, len(all)-want)
			}
		}
		files[name] = content
	}
}

func TestASegmentThatIsRemoved(t *testing.T) {
	files := small(t, 30, 1, kill)
	all := numbered(1, 30)
	dir := filepath.Join(t.TempDir(), "spool")
	for name, content := range files {
		delete(files, name)
		restore(t, dir, files)
		files[name] = content
		got, damaged := takeDamaged(t, dir, numbered(0, 30))
		if _, ok := parseSegmentName(name); ok != (damaged > 0) || len(got)+int(damaged) < len(all) {
			t.Errorf("without %s: %d of %d lines came, %d count as damaged", name, len(got), len(all), damaged)
		}
	}
}

func TestForeignFilesAreLeftAlone(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "spool")
	d := opened(t, dir, Options{})
	add(d, "a")
	kill(d)
	outside := filepath.Join(base, "outside")
	foreign := map[string]func(path string) error{
		"README":                       func(path string) error { return os.WriteFile(path, []byte("hello"), 0o644) },
		"segment-":                     func(path string) error { return os.WriteFile(path, nil, 0o644) },
		"segment-1":                    func(path string) error { return os.WriteFile(path, nil, 0o644) },
		"segment-0000000000000000000x": func(path string) error { return os.WriteFile(path, nil, 0o644) },
		"segment-99999999999999999999": func(path string) error { return os.WriteFile(path, nil, 0o644) },
		"segment-09223372036854775808": func(path string) error { return os.WriteFile(path, nil, 0o644) }, // 2^63
		"segment-09223372036854775807": func(path string) error { return os.WriteFile(path, nil, 0o644) },
		"segment-04611686018427387904": func(path string) error { return os.WriteFile(path, nil, 0o644) }, // 2^62
		"segment-04611686018427387903": func(path string) error { return os.WriteFile(path, nil, 0o644) },
		"segment-00000000000000000007": func(path string) error { return os.Mkdir(path, 0o700) },
		"segment-00000000000000000008": func(path string) error { return os.Symlink(outside, path) },
		"segment-00000000000000000009": func(path string) error { return unix.Mkfifo(path, 0o600) },
		"notes.tmp":                    func(path string) error { return os.WriteFile(path, nil, 0o644) },
		".nfs0001":                     func(path string) error { return os.WriteFile(path, nil, 0o644) },
	}
	if err := os.WriteFile(outside, []byte("outside"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, make := range foreign {
		if err := make(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range []string{"b", "c", "d"} {
		d = opened(t, dir, Options{})
		add(d, line)
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	n := newTold()
	d = opened(t, dir, Options{Notify: n.notify})
	wantLines(t, d, []string{"a", "b", "c", "d"})
	if st := d.Stats(); st.DroppedLines > 0 {
		t.Errorf("beside foreign files: %+v", st)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	for name := range foreign {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			t.Errorf("a foreign file is gone: %v", err)
		}
	}
	if b, _ := os.ReadFile(outside); string(b) != "outside" {
		t.Errorf("what a link points to was written to: %q", b)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, name := range []string{"segment-09223372036854775807", "segment-04611686018427387903"} {
		if !slices.ContainsFunc(n.all, func(n Notice) bool { return strings.Contains(n.Err.Error(), name) }) {
			t.Errorf("of %s nobody is told", name)
		}
	}
}

func TestALinkIsNotFollowed(t *testing.T) {
	for _, name := range []string{cursorName, idName, lockName, cursorName + tempSuffix, "segment-00000000000000000000"} {
		t.Run(name, func(t *testing.T) {
			base := t.TempDir()
			dir := filepath.Join(base, "spool")
			outside := filepath.Join(base, "outside")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(outside, []byte("outside"), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(outside, filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			d, err := OpenDisk(Options{Path: dir, SyncEvery: time.Hour})
			if name == lockName {
				if err == nil {
					t.Error("the lock is a link, and is taken")
					_ = d.Close()
				}
			} else if err != nil {
				t.Error(err)
			} else {
				add(d, "a")
				wantLines(t, d, []string{"a"})
				_ = d.Close()
			}
			if b, _ := os.ReadFile(outside); string(b) != "outside" {
				t.Errorf("the link was followed: %q", b)
			}
		})
	}
	t.Run("folder", func(t *testing.T) {
		base := t.TempDir()
		if err := os.Symlink(base, filepath.Join(base, "spool")); err != nil {
			t.Fatal(err)
		}
		if d, err := OpenDisk(Options{Path: filepath.Join(base, "spool")}); err == nil {
			_ = d.Close()
			t.Error("the folder is a link, and is taken")
		}
	})
}

func TestOnlyTheUserCanReadIt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	d := opened(t, dir, Options{})
	add(d, "a")
	d.sync(false)
	if err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %v", path, info.Mode())
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestAFolderOfSomebodyElse(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder away")
	}
	dir := filepath.Join(t.TempDir(), "spool")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if d, err := OpenDisk(Options{Path: dir}); err == nil || !strings.Contains(err.Error(), "12345") {
		t.Errorf("the folder of another user is taken: %v %v", d, err)
	}
}

func TestAFolderIsOneProcessS(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	d := opened(t, dir, Options{})
	if other, err := OpenDisk(Options{Path: dir}); !errors.Is(err, ErrLocked) {
		t.Errorf("a second spool in the folder: %v %v", other, err)
	}
	add(d, "a")
	_ = d.Close()
	wantLines(t, opened(t, dir, Options{}), []string{"a"})
}

func TestClosing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	d := opened(t, dir, Options{})
	add(d, "a")
	next(d, 1)
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if n := add(d, "b"); n != 1 {
		t.Errorf("a line after the end: %d dropped", n)
	}
	d.Rewind()
	if got, _ := next(d, 1); got != nil {
		t.Errorf("after the end came %v", got)
	}
	if st := d.Stats(); st.Lines != 1 || st.DroppedLines != 1 {
		t.Errorf("stats after the end: %+v, want the one that is kept, and the one that came too late", st)
	}
}

// told collects notices.
type told struct {
	mu   sync.Mutex
	all  []Notice
	came chan struct{}
}

func newTold() *told { return &told{came: make(chan struct{}, 100)} }

func (n *told) notify(x Notice) {
	n.mu.Lock()
	n.all = append(n.all, x)
	n.mu.Unlock()
	n.came <- struct{}{}
}

// await waits for a notice of a kind, and returns it.
func (n *told) await(t *testing.T, kind NoticeKind) Notice {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		n.mu.Lock()
		for i, x := range n.all {
			if x.Kind == kind {
				n.all = n.all[i+1:]
				n.mu.Unlock()
				return x
			}
		}
		n.mu.Unlock()
		select {
		case <-n.came:
		case <-deadline:
			t.Fatalf("no notice of kind %q", kind)
		}
	}
}

func TestDamageIsTold(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	d := opened(t, dir, several())
	add(d, numbered(0, 30)...)
	_ = d.Close()
	for _, name := range segmentFiles(t, dir)[1:3] {
		if err := os.WriteFile(name, bytes.Repeat([]byte{1}, 300), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n := newTold()
	o := several()
	o.Notify = n.notify
	d = opened(t, dir, o)
	got := drain(t, d)
	// Of each of the two files, and of the lines that are missing.
	lines := n.await(t, Damaged).Lines + n.await(t, Damaged).Lines + n.await(t, Damaged).Lines
	if st := d.Stats(); lines != st.DamagedLines || int(lines) != 30-len(got) || lines == 0 {
		t.Errorf("%d lines told, %d counted, %d of 30 came", lines, st.DamagedLines, len(got))
	}
}

func BenchmarkDisk(b *testing.B) {
	benchmark(b, opened(b, filepath.Join(b.TempDir(), "spool"), Options{SyncEvery: time.Second}))
}

// With nothing in memory, and files of 64 KiB.
func BenchmarkDiskReadBack(b *testing.B) {
	benchmark(b, opened(b, filepath.Join(b.TempDir(), "spool"), Options{SyncEvery: time.Second, cacheBytes: 1, segmentBytes: 64 << 10}))
}

func TestTheFoldersOfANewSpoolOutliveAPowerCut(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	var synced []string
	k := realKernel
	k.fsync = func(fd int) error {
		if name, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd)); err == nil {
			synced = append(synced, name)
		}
		return realKernel.fsync(fd)
	}
	f, err := makeFolder(filepath.Join(base, "a", "b", "spool"), nil, k)
	if err != nil {
		t.Fatal(err)
	}
	f.close()
	want := []string{base, filepath.Join(base, "a"), filepath.Join(base, "a", "b")}
	if !slices.Equal(synced, want) {
		t.Errorf("synced were %q, want each folder that has a new one: %q", synced, want)
	}
}
