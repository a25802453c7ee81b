package state

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

// events collects what a DB tells.
type events struct {
	mu   sync.Mutex
	errs []error
}

func (e *events) add(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.errs = append(e.errs, err)
}

func (e *events) text() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return fmt.Sprint(e.errs)
}

// open opens the DB of a folder; it is closed with the test.
func open(t testing.TB, o Options) (*DB, *events) {
	t.Helper()
	told := &events{}
	o.OnEvent = told.add
	if o.Interval == 0 {
		o.Interval = time.Millisecond
	}
	db, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db, told
}

func closed(t testing.TB, db *DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// set is a run that sets a value.
func set(t testing.TB, db *DB, check, name, value string) {
	t.Helper()
	txn := db.Begin(check)
	if err := txn.Set(name, text(value)); err != nil {
		t.Fatal(err)
	}
	txn.End(true)
}

func text(s string) string { return string(AppendString(nil, s)) }

// values are what a check keeps, as name=value.
func values(db *DB, check string) string {
	txn := db.Begin(check)
	var all []string
	for _, name := range txn.Names() {
		v, _ := txn.Get(name)
		all = append(all, name+"="+strings.TrimPrefix(v, v[:2]))
	}
	return strings.Join(all, " ")
}

// wait waits for a condition.
func wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("there is no %s", what)
		}
	}
}

func saved(t testing.TB, db *DB) {
	t.Helper()
	wait(t, "save", func() bool { return db.Stats().Unsaved == 0 })
}

// folder is a folder with what the DB of it has written, and an old file can be put into. It is saved once, at the
// end: pages that are freed on the way, with old records in them, would depend on how busy the machine is.
func folder(t testing.TB, fill func(db *DB)) string {
	t.Helper()
	return folderSaved(t, time.Hour, fill)
}

// folderSaved is a folder that is saved each time that interval has passed.
func folderSaved(t testing.TB, interval time.Duration, fill func(db *DB)) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	db, _ := open(t, Options{Dir: dir, Interval: interval})
	fill(db)
	closed(t, db)
	return dir
}

func read(t testing.TB, dir string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t testing.TB, dir string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, fileName), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func asides(t testing.TB, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, fileName+asideSuffix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}
