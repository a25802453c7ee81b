package spool

import (
	"bufio"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pointsOf reads the points that folder.go names.
func pointsOf(t *testing.T) (all []point) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "folder.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok {
			if id, ok := v.Type.(*ast.Ident); ok && id.Name == "point" {
				s, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				if s != "" {
					all = append(all, point(s))
				}
			}
		}
		return true
	})
	if len(all) < 20 {
		t.Fatalf("folder.go names %v only", all)
	}
	return all
}

// What a child of TestAKillAtEachPoint is told.
const (
	crashDir = "SPOOL_CRASH_DIR"
	crashAt  = "SPOOL_CRASH_AT"
	crashNth = "SPOOL_CRASH_NTH"
)

// failsFirst are the changes that have to fail, so that a point is come to.
func failsFirst(p point) point {
	switch {
	case strings.HasPrefix(string(p), "copy "):
		return atSegmentSync
	case strings.HasPrefix(string(p), "cursor patch"):
		return atCursorCreate
	case p == atSegmentCut:
		return atSegmentWrite
	}
	return atNothing
}

// TestCrashChild is run by TestAKillAtEachPoint in a process of its own, which ends at the point that it is told.
func TestCrashChild(t *testing.T) {
	dir, at := os.Getenv(crashDir), point(os.Getenv(crashAt))
	if dir == "" {
		t.Skip("is run by TestAKillAtEachPoint")
	}
	nth, err := strconv.ParseInt(os.Getenv(crashNth), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	var came, writes atomic.Int64
	fails := failsFirst(at)
	o := several()
	o.Path, o.SyncEvery = dir, time.Hour
	o.hook = func(p point, n int) (int, error) {
		if p == at && came.Add(1) == nth {
			if n > 1 && nth > 1 {
				return n / 2, errKill // in the middle of a write
			}
			die()
		}
		if p == fails && fails != atNothing && writes.Add(1)%2 == 0 {
			return n / 2, unix.ENOSPC
		}
		return n, nil
	}
	d, err := OpenDisk(o)
	if err != nil {
		t.Fatal(err)
	}
	say := func(what string, n int) { fmt.Fprintf(os.Stdout, "\n%s %d\n", what, n) }
	acked := 0
	for i := range 60 {
		before := d.Stats().UnwrittenLines
		d.Append(fmt.Appendf(nil, `{"n":%d}`, i))
		d.mu.Lock()
		written := d.unwritten.len == 0
		d.mu.Unlock()
		if written && before == 0 {
			say("handed", i)
		}
		if i%3 == 2 {
			lines, _ := d.Next(2, 1<<20, nil)
			say("out", acked+len(lines))
			d.Ack(len(lines))
			acked += len(lines)
		}
		if i%10 == 9 && d.sync(false) {
			say("synced", acked)
		}
	}
	_ = d.Close()
	say("ended", 0)
}

var errKill = errors.New("the rest is not written any more")

func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// A kill at any point costs no line that was handed over, and brings back none that was acknowledged before the last sync.
func TestAKillAtEachPoint(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pointsOf(t) {
		for _, nth := range []int{1, 4} {
			t.Run(fmt.Sprintf("%s %d", p, nth), func(t *testing.T) {
				t.Parallel()
				dir := filepath.Join(t.TempDir(), "spool")
				cmd := exec.Command(self, "-test.run=^TestCrashChild$")
				cmd.Env = append(os.Environ(), crashDir+"="+dir, crashAt+"="+string(p), crashNth+"="+strconv.Itoa(nth))
				out, err := cmd.Output()
				handed, ended, got, synced := []string(nil), false, 0, 0
				for s := bufio.NewScanner(strings.NewReader(string(out))); s.Scan(); {
					what, number, _ := strings.Cut(s.Text(), " ")
					n, numberErr := strconv.Atoi(number)
					if numberErr != nil {
						continue
					}
					switch what {
					case "handed":
						handed = append(handed, fmt.Sprintf(`{"n":%d}`, n))
					case "out":
						got = n
					case "synced":
						synced = n
					case "ended":
						ended = true
					}
				}
				var exit *exec.ExitError
				killed := errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
				if !killed && !ended || nth == 1 && !killed {
					t.Fatalf("the child ended with %v:\n%s", err, out)
				}
				d := opened(t, dir, several())
				add(d, "new")
				lines := drain(t, d)
				if len(lines) == 0 || lines[len(lines)-1] != "new" {
					t.Fatalf("a new line does not come last: %v", lines)
				}
				lines = lines[:len(lines)-1]
				if st := d.Stats(); st.DamagedLines > 0 || st.Lines > 0 {
					t.Errorf("after a kill: %+v", st)
				}
				for _, line := range handed {
					n, _ := strconv.Atoi(strings.Trim(line, `{"n:}`))
					if n >= got && !slices.Contains(lines, line) {
						t.Errorf("%s was handed over and not acknowledged, and is gone; there are %v", line, lines)
					}
				}
				last := -1
				for _, line := range lines {
					n, _ := strconv.Atoi(strings.Trim(line, `{"n:}`))
					if n < synced {
						t.Errorf("%s comes again, though that it was acknowledged is on the disk", line)
					}
					if n <= last {
						t.Errorf("%s comes after the line %d", line, last)
					}
					last = n
				}
			})
		}
	}
}
