package spool

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// A file named as a segment, in which there is nothing that a spool has written, costs the segment before it nothing.
func TestJunkInAName(t *testing.T) {
	junk := make([]byte, 100<<10)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range junk {
		junk[i] = byte(r.Uint32())
	}
	copied := segmentHeader(5, 5)
	for i, line := range numbered(5, 900) {
		copied = appendRecord(copied, []byte(line), uint64(5+i), 1)
	}
	for _, c := range []struct {
		name    string
		content []byte
		stays   bool
	}{
		{"random", junk, true},
		{"text", bytes.Repeat([]byte("text\n"), 100), true},
		{"copy of another segment", copied, true},
		{"empty", nil, false},
		{"zeros", make([]byte, 5000), false}, // what a power cut can leave of a segment
		{"begun", segmentHeader(77, 77)[:20], false},
	} {
		for _, end := range []func(*Disk){kill, func(d *Disk) { _ = d.Close() }} {
			t.Run(c.name, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "spool")
				d := opened(t, dir, Options{})
				add(d, numbered(0, 960)...)
				d.sync(false)
				end(d)
				path := filepath.Join(dir, "segment-00000000000000000077")
				if err := os.WriteFile(path, c.content, 0o600); err != nil {
					t.Fatal(err)
				}
				if left, err := Inspect(dir); err != nil || left.Lines != 960 {
					t.Errorf("looked into: %+v, %v", left, err)
				}
				for round := range 2 {
					n := newTold()
					d = opened(t, dir, Options{Notify: n.notify})
					if d.Restored() != 960+round {
						t.Errorf("%d lines are there, want %d", d.Restored(), 960+round)
					}
					if c.stays {
						n.await(t, Damaged)
					}
					add(d, numbered(960+round, 961+round)...)
					end(d)
				}
				d = opened(t, dir, Options{})
				wantLines(t, d, numbered(0, 962))
				if st := d.Stats(); st.DroppedLines > 0 {
					t.Errorf("%+v", st)
				}
				_ = d.Close()
				if b, err := os.ReadFile(path); c.stays != (err == nil) || c.stays && !bytes.Equal(b, c.content) {
					t.Errorf("the file: %v, want it there: %v", err, c.stays)
				}
			})
		}
	}
}

// A segment of which nothing can be read costs its own lines, which are counted.
func TestASegmentThatIsOverwritten(t *testing.T) {
	for i := range 5 {
		for _, content := range [][]byte{bytes.Repeat([]byte{7}, 250), make([]byte, 250), nil} {
			t.Run(fmt.Sprintf("%d, %d bytes", i, len(content)), func(t *testing.T) {
				end := kill
				if i == 4 {
					end = func(d *Disk) { _ = d.Close() } // or nobody knows of what is lost at the end
				}
				dir := filepath.Join(t.TempDir(), "spool")
				restore(t, dir, small(t, 24, 0, end))
				names := segmentFiles(t, dir)
				if err := os.WriteFile(names[i], content, 0o600); err != nil {
					t.Fatal(err)
				}
				got, damaged := takeDamaged(t, dir, numbered(0, 24))
				if len(got)+int(damaged) != 24 || damaged == 0 || damaged > 7 {
					t.Errorf("%d lines came, %d count as damaged", len(got), damaged)
				}
			})
		}
	}
}

// powerless has the calling goroutine, which ends with the test, open files as a user does who is not root.
func powerless(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		t.Fatal(err)
	}
	data[0].Effective &^= 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_DAC_READ_SEARCH
	if err := unix.Capset(&header, &data[0]); err != nil {
		t.Fatal(err)
	}
}

// A segment that cannot be opened costs its own lines.
func TestASegmentThatCannotBeOpened(t *testing.T) {
	for i := range 5 {
		for what, spoil := range map[string]func(path string) error{
			"forbidden": func(path string) error { return os.Chmod(path, 0) },
			"a socket": func(path string) error {
				if err := os.Remove(path); err != nil {
					return err
				}
				return unix.Mknod(path, unix.S_IFSOCK|0o600, 0)
			},
		} {
			t.Run(fmt.Sprintf("%s %d", what, i), func(t *testing.T) {
				powerless(t)
				end := kill
				if i == 4 {
					end = func(d *Disk) { _ = d.Close() } // or nobody knows of what is lost at the end
				}
				dir := filepath.Join(t.TempDir(), "spool")
				restore(t, dir, small(t, 24, 0, end))
				path := segmentFiles(t, dir)[i]
				if err := spoil(path); err != nil {
					t.Fatal(err)
				}
				got, damaged := takeDamaged(t, dir, numbered(0, 24))
				if len(got)+int(damaged) != 24 || damaged == 0 || damaged > 7 {
					t.Errorf("%d lines came, %d count as damaged", len(got), damaged)
				}
				if _, err := os.Lstat(path); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// What a process that was killed has begun to make is removed at the next start, and nothing else that is called so.
func TestRemaindersAreRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	d := opened(t, dir, Options{})
	add(d, "a")
	kill(d)
	gone := []string{cursorName + tempSuffix, idName + tempSuffix, "segment-00000000000000000000.tmp", "segment-00000000000000000009.tmp"}
	stay := []string{"notes.tmp", "segment-9.tmp", "lock.tmp"}
	for _, name := range append(gone, stay...) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d = opened(t, dir, Options{hook: func(p point, n int) (int, error) {
		if p == atCursorCreate || p == atIDCreate {
			return 0, unix.ENOSPC // making the file would remove what is in its way
		}
		return n, nil
	}})
	for _, name := range gone {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
	for _, name := range stay {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	wantLines(t, d, []string{"a"})
}
