package logconfig

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// gate is a writer that takes nothing, nor a sync, while it is shut, and that needs a while for each.
type gate struct {
	mu     sync.Mutex
	opened *sync.Cond
	shut   bool
	slow   time.Duration
	lines  []string
	err    error
}

func newGate() *gate {
	g := &gate{}
	g.opened = sync.NewCond(&g.mu)
	return g
}

func (g *gate) Write(p []byte) (int, error) {
	if err := g.Sync(); err != nil {
		return 0, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lines = append(g.lines, string(p))
	return len(p), nil
}

func (g *gate) Sync() error {
	g.mu.Lock()
	slow := g.slow
	g.mu.Unlock()
	time.Sleep(slow)
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.shut {
		g.opened.Wait()
	}
	return g.err
}

func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
	g.opened.Broadcast()
}

func (g *gate) setSlow(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.slow = d
}

func (g *gate) taken() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.lines)
}

func lostLines(lost int) []byte { return fmt.Appendf(nil, "lost %d", lost) }

// patience has a test use a patient writer to a gate, in a time of its own.
func patience(t *testing.T, test func(t *testing.T, g *gate, w *patient)) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		test(t, g, newPatient(g, lostLines))
		g.set(false)
	})
}

// took writes lines one after the other, and tells how long that took.
func took(t *testing.T, w *patient, lines ...string) time.Duration {
	t.Helper()
	start := time.Now()
	for _, line := range lines {
		if n, err := w.Write([]byte(line)); n != len(line) || err != nil {
			t.Errorf("%.20q: %d, %v", line, n, err)
		}
	}
	return time.Since(start)
}

func mustBe(t *testing.T, what string, got, want any) {
	t.Helper()
	if got, want := fmt.Sprint(got), fmt.Sprint(want); got != want {
		t.Errorf("%s is %.200s, not %.200s", what, got, want)
	}
}

const atOnce = time.Duration(0)

// Eight of these are all that is kept.
var maxLine = strings.Repeat("x", maxKept/8)

func TestPatient(t *testing.T) {
	for name, test := range map[string]func(t *testing.T, g *gate, w *patient){
		"a line is written when its write returns": func(t *testing.T, g *gate, w *patient) {
			for i := range 3 {
				mustBe(t, "the time", took(t, w, "a"), atOnce)
				mustBe(t, "what is written", len(g.taken()), i+1)
			}
		},
		"errors are those of the writer": func(t *testing.T, g *gate, w *patient) {
			g.err = errors.New("no space")
			_, err := w.Write([]byte("a"))
			mustBe(t, "the error of Write", err, g.err)
			mustBe(t, "the error of Sync", w.Sync(), g.err)
		},
		"a slow reader is waited for and loses nothing": func(t *testing.T, g *gate, w *patient) {
			g.setSlow(stallAfter * 9 / 10)
			mustBe(t, "the time", took(t, w, "a", "b", "c"), 3*g.slow)
			var loggers sync.WaitGroup
			for range 5 {
				loggers.Go(func() { took(t, w, maxLine) })
			}
			loggers.Wait()
			mustBe(t, "what is written", len(g.taken()), 8)
		},
		"a reader that is too slow for many lines is waited for no longer than for five seconds": func(t *testing.T, g *gate, w *patient) {
			g.setSlow(stallAfter * 9 / 10)
			start := time.Now()
			var loggers sync.WaitGroup
			for range 40 {
				loggers.Go(func() { took(t, w, maxLine) })
			}
			loggers.Wait()
			const written = 6 // in those five seconds, and what was on its way then
			mustBe(t, "the time", time.Since(start), written*g.slow)
			time.Sleep(time.Minute)
			got := g.taken()
			mustBe(t, "what is written", len(got), written+8+1)
			mustBe(t, "the notice", got[written+8], fmt.Sprint("lost ", 40-written-8))
			mustBe(t, "the time of a line after that", took(t, w, "a"), g.slow)
		},
		"one that hangs is waited for once": func(t *testing.T, g *gate, w *patient) {
			g.set(true)
			mustBe(t, "the time of the first line", took(t, w, "a"), stallAfter)
			mustBe(t, "the time of further lines", took(t, w, "b", "c"), atOnce)
			g.set(false)
			synctest.Wait()
			mustBe(t, "what is written", g.taken(), []string{"a", "b", "c"})
			mustBe(t, "the time of a line after that", took(t, w, "d"), atOnce)
			g.set(true)
			mustBe(t, "the time when it hangs again", took(t, w, "e", "f"), stallAfter)
		},
		"all who wait are let go at once": func(t *testing.T, g *gate, w *patient) {
			g.set(true)
			start := time.Now()
			var loggers sync.WaitGroup
			for range 20 {
				loggers.Go(func() { took(t, w, maxLine) })
			}
			loggers.Wait()
			mustBe(t, "the time", time.Since(start), stallAfter)
			took(t, w, "later")
			g.set(false)
			synctest.Wait()
			got := g.taken()
			mustBe(t, "what is written", len(got), 9)
			mustBe(t, "the last line", got[8], "lost 13")
		},
		"a line that is kept stays as it was": func(t *testing.T, g *gate, w *patient) {
			g.set(true)
			line := []byte("first")
			_, _ = w.Write(line)
			copy(line, "other")
			g.set(false)
			synctest.Wait()
			mustBe(t, "what is written", g.taken(), []string{"first"})
		},
		"the notice is where lines are missing": func(t *testing.T, g *gate, w *patient) {
			g.set(true)
			for range 10 {
				took(t, w, maxLine)
			}
			took(t, w, "small, but behind the gap")
			g.set(false)
			synctest.Wait()
			took(t, w, strings.Repeat("y", 2*maxKept), "after")
			got := g.taken()
			mustBe(t, "what is written", len(got), 11)
			mustBe(t, "the notice", got[8], "lost 3")
			mustBe(t, "the last line", got[10], "after")
		},
		"what is kept comes to its end, though lines come faster than they are written": func(t *testing.T, g *gate, w *patient) {
			g.set(true)
			took(t, w, maxLine, maxLine)
			g.setSlow(200 * time.Millisecond)
			g.set(false)
			logged := 2
			for range 1000 {
				time.Sleep(g.slow / 2)
				took(t, w, maxLine)
				logged++
			}
			_ = w.Sync()
			got, lost, notices := g.taken(), 0, 0
			for _, line := range got {
				var n int
				if _, err := fmt.Sscanf(line, "lost %d", &n); err == nil {
					lost += n
					notices++
				}
			}
			mustBe(t, "the number of notices", notices, 1)
			mustBe(t, "what is written or lost", len(got)-notices+lost, logged)
			mustBe(t, "the time of a line", took(t, w, "a"), g.slow)
		},
		"the notice may hang, too": func(t *testing.T, g *gate, w *patient) {
			g.set(true)
			for range 9 {
				took(t, w, maxLine)
			}
			g.setSlow(time.Hour) // each line is one that hangs
			g.set(false)
			time.Sleep(7*time.Hour + stallAfter/4)
			mustBe(t, "the time while it is written", took(t, w, "a", "b"), stallAfter*3/4)
			time.Sleep(3 * time.Hour)
			mustBe(t, "the end", g.taken()[8:], []string{"lost 1", "a", "b"})
		},
		"a sync that hangs": func(t *testing.T, g *gate, w *patient) {
			took(t, w, "a")
			g.set(true)
			start := time.Now()
			mustBe(t, "the error", w.Sync(), nil)
			mustBe(t, "the time", time.Since(start), stallAfter)
			mustBe(t, "the time of lines after that", took(t, w, "b"), atOnce)
			_ = w.Sync() // it may go on
			mustBe(t, "the time of another sync", time.Since(start), 2*stallAfter)
			g.set(false)
			synctest.Wait()
			mustBe(t, "what is written", g.taken(), []string{"a", "b"})
		},
		"a sync waits while kept lines move": func(t *testing.T, g *gate, w *patient) {
			g.set(true)
			for range 10 {
				took(t, w, maxLine)
			}
			g.setSlow(stallAfter / 2)
			g.set(false)
			synctest.Wait() // the first one is written
			_ = w.Sync()
			mustBe(t, "what is written, the notice included", len(g.taken()), 9)
		},
		"a sync waits for five seconds at most": func(t *testing.T, g *gate, w *patient) {
			g.setSlow(stallAfter * 9 / 10)
			for range 40 {
				go took(t, w, "a")
			}
			synctest.Wait()
			start := time.Now()
			_ = w.Sync()
			waited := time.Since(start)
			mustBe(t, "that it waited for about that", waited >= maxWait && waited <= maxWait+g.slow, true)
			time.Sleep(g.slow)
			start = time.Now()
			_ = w.Sync() // some of the lines are still kept
			mustBe(t, "the time of another one", time.Since(start), maxWait)
			time.Sleep(time.Minute)
		},
	} {
		t.Run(name, func(t *testing.T) { patience(t, test) })
	}
}

// logFileOf makes the file of a Config.
func logFileOf(t *testing.T, lines ...string) string {
	return write(t, "log.yaml", strings.Join(lines, "\n")+"\n")
}

func TestTheNoticeIsALineOfTheLog(t *testing.T) {
	for _, tt := range []struct{ name, file, want string }{
		{"as JSON", "initialFields: {site: north}",
			`{"level":"warn","msg":"lines were left out of the log, which took none for a while","site":"north","lines":%d}`},
		{"for a person", "encoding: console", "WARN  lines were left out of the log, which took none for a while  {\"lines\": %d}"},
		{"where warn is off", "level: error",
			`{"level":"error","msg":"lines were left out of the log, which took none for a while","lines":%d}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := logFileOf(t, tt.file, "encoderConfig: {timeKey: ''}")
			synctest.Test(t, func(t *testing.T) {
				g := newGate()
				log, err := New(Options{File: file, Stderr: g})
				if err != nil {
					t.Fatal(err)
				}
				g.set(true)
				start := time.Now()
				for range 1000 {
					log.Error(strings.Repeat("x", 2000))
				}
				log.Close()
				mustBe(t, "the time, of the lines and of the end", time.Since(start), 2*stallAfter)
				g.set(false)
				synctest.Wait()
				all := g.taken()
				last := len(all) - 1
				mustBe(t, "the notice", all[last], fmt.Sprintf(tt.want+"\n", 1000-last))
			})
		})
	}
}

func TestCloseWaitsForASlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		g.setSlow(stallAfter * 9 / 10)
		log, err := New(Options{Stderr: g})
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			go log.Info("a")
		}
		synctest.Wait()
		log.Close()
		mustBe(t, "what is written", len(g.taken()), 4)
	})
}

// In a burst, a line waits for all others, which is no reason to leave it out.
func TestAFileLosesNothingInABurst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	log, err := New(Options{File: logFileOf(t, "outputPaths: ["+path+"]"), Stderr: newGate()})
	if err != nil {
		t.Fatal(err)
	}
	const burst = 10000
	var loggers sync.WaitGroup
	start := make(chan struct{})
	for range burst {
		loggers.Go(func() {
			<-start
			log.Info(strings.Repeat("x", 250))
		})
	}
	close(start)
	loggers.Wait()
	text, err := os.ReadFile(path) // before Close
	if err != nil {
		t.Fatal(err)
	}
	log.Close()
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	mustBe(t, "the number of lines", len(lines), burst)
	for _, line := range lines {
		if !json.Valid([]byte(line)) || !strings.Contains(line, "xxx") {
			t.Fatalf("among them is %q", line)
		}
	}
}

func TestAPathThatHangsDoesNotHoldUpAnother(t *testing.T) {
	dir := t.TempDir()
	fifo, path := filepath.Join(dir, "fifo"), filepath.Join(dir, "log")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	log, err := New(Options{File: logFileOf(t, "outputPaths: ["+fifo+", "+path+"]"), Stderr: newGate()})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	for range 2000 {
		log.Info(strings.Repeat("x", 200))
	}
	if took := time.Since(start); took > 30*stallAfter { // and not for each line
		t.Errorf("it held up the other for %s", took)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	mustBe(t, "the number of lines in the file", strings.Count(string(text), "\n"), 2000)
	log.Close() // ends the goroutine of the pipe: goleak
}

func TestAllPathsThatCannotBeOpenedAreNamed(t *testing.T) {
	_, err := New(Options{File: logFileOf(t, "outputPaths: [/nonexistent/a, stderr, 'smoke://b']"), Stderr: newGate()})
	if err == nil || !strings.Contains(err.Error(), "/nonexistent/a") || !strings.Contains(err.Error(), "smoke") {
		t.Errorf("the error is %v", err)
	}
}
