package state

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestARunIsCommittedAsAWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, want string
		run        func(txn *Txn)
	}{
		{"one that goes well", "a=2 c=3", func(txn *Txn) {
			_ = txn.Set("a", text("2"))
			_ = txn.Set("c", text("3"))
			txn.Delete("b")
			txn.End(true)
		}},
		{"one that fails", "a=1 b=1", func(txn *Txn) {
			_ = txn.Set("a", text("2"))
			_ = txn.Set("c", text("3"))
			txn.Delete("b")
			txn.End(false)
		}},
		{"one that fails after what it keeps", "a=2 b=1", func(txn *Txn) {
			_ = txn.Set("a", text("2"))
			txn.Keep()
			_ = txn.Set("a", text("3"))
			_ = txn.Set("a", text("4"))
			_ = txn.Set("c", text("3"))
			txn.End(false)
		}},
		{"one that fails after a commit", "a=2 b=1", func(txn *Txn) {
			_ = txn.Set("a", text("2"))
			txn.Commit()
			_ = txn.Set("a", text("3"))
			txn.Delete("b")
			txn.End(false)
		}},
		{"one that takes a part back", "a=5 b=1 c=2", func(txn *Txn) {
			_ = txn.Set("a", text("2"))
			_ = txn.Set("c", text("2"))
			mark := txn.Mark()
			_ = txn.Set("a", text("3"))
			inner := txn.Mark()
			_ = txn.Set("a", text("4"))
			txn.Delete("c")
			txn.Delete("b")
			txn.UndoTo(inner)
			_ = txn.Set("c", text("9"))
			txn.UndoTo(mark)
			if v, _ := txn.Get("a"); v != text("2") {
				panic(v)
			}
			_ = txn.Set("a", text("5"))
			txn.End(true)
		}},
		{"one that deletes all", "", func(txn *Txn) {
			txn.Delete("a")
			txn.Delete("b")
			txn.End(true)
		}},
		{"one that sets what is there", "a=1 b=1", func(txn *Txn) {
			_ = txn.Set("a", text("1"))
			txn.End(true)
		}},
	} {
		db, _ := open(t, Options{})
		set(t, db, "check", "a", "1")
		set(t, db, "check", "b", "1")
		test.run(db.Begin("check"))
		if got := values(db, "check"); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
		bytes := 0
		if r := db.records["check"]; r != nil {
			for key, value := range r.entries {
				bytes += entryBytes(key, value)
			}
		}
		if s := db.Stats(); s.Bytes != int64(bytes) {
			t.Errorf("%s: %d bytes are counted, %d are kept", test.name, s.Bytes, bytes)
		}
	}
}

func TestWhatHitsALimitIsRefused(t *testing.T) {
	t.Parallel()
	limits := Limits{Name: 5, Value: 32, Names: 3, Check: 60, Total: 65}
	for _, test := range []struct {
		name, want string
		run        func(txn *Txn) error
	}{
		{"a long name", "the name has 6 bytes; at most 5 are kept", func(txn *Txn) error { return txn.Set("abcdef", text("")) }},
		{"no name", "the name is empty", func(txn *Txn) error { return txn.Set("", text("")) }},
		{"a long value", `the value of "a" takes 33 bytes; at most 32 are kept`, func(txn *Txn) error {
			return txn.Set("a", text(strings.Repeat("x", 31)))
		}},
		{"many names", `"d" would be one name too many: a check keeps at most 3`, func(txn *Txn) error {
			for _, name := range []string{"a", "b", "c", "a"} {
				if err := txn.Set(name, text("1")); err != nil {
					return err
				}
			}
			return txn.Set("d", text("1"))
		}},
		{"much in one check", `with "c" the state of the check would take 66 bytes; at most 60 are kept`, func(txn *Txn) error {
			for _, name := range []string{"a", "b"} {
				if err := txn.Set(name, text(strings.Repeat("x", 18))); err != nil {
					return err
				}
			}
			return txn.Set("c", text(strings.Repeat("x", 18)))
		}},
		{"much in all checks", `with "b" the state of all checks together would take more than the 65 bytes that are kept (--max-state)`, func(txn *Txn) error {
			set(t, txn.db, "other", "a", strings.Repeat("x", 18))
			set(t, txn.db, "other", "b", strings.Repeat("x", 14))
			if err := txn.Set("a", text("")); err != nil {
				return err
			}
			return txn.Set("b", text(strings.Repeat("x", 18)))
		}},
		{"a counter beyond the names", `"x" would be one name too many: a check keeps at most 3`, func(txn *Txn) error {
			for _, name := range []string{"a", "b", "c"} {
				if err := txn.Set(name, text("")); err != nil {
					return err
				}
			}
			_, _, err := txn.Delta("x", Counter{})
			return err
		}},
	} {
		db, _ := open(t, Options{Limits: limits})
		txn := db.Begin("check")
		if err := test.run(txn); err == nil || err.Error() != test.want {
			t.Errorf("%s: got %v, want %s", test.name, err, test.want)
		}
	}
}

// Limits that were made smaller do not keep a check from making its state smaller.
func TestWhatMakesStateSmallerIsNotRefused(t *testing.T) {
	t.Parallel()
	dir := folder(t, func(db *DB) {
		for _, name := range []string{"a", "b", "c"} {
			set(t, db, "check", name, strings.Repeat("x", 18))
		}
	})
	db, _ := open(t, Options{Dir: dir, Limits: Limits{Names: 1, Check: 10, Total: 10}})
	set(t, db, "check", "a", "y")
	txn := db.Begin("check")
	txn.Delete("b")
	txn.End(true)
	if got := values(db, "check"); !strings.HasPrefix(got, "a=y c=") {
		t.Errorf("got %q", got)
	}
}

func TestTheNameOfACheckMayNotBeLong(t *testing.T) {
	t.Parallel()
	db, _ := open(t, Options{})
	if err := db.Begin(strings.Repeat("x", 1025)).Set("a", text("")); err == nil {
		t.Error("there is no error")
	}
	if err := db.Begin(strings.Repeat("x", 1024)).Set("a", text("")); err != nil {
		t.Error(err)
	}
}

// A run that sets one value a million times must not remember all of them.
func TestARunKeepsOneStepBackForEachName(t *testing.T) {
	t.Parallel()
	db, _ := open(t, Options{})
	txn := db.Begin("check")
	for i := range 1000 {
		if err := txn.Set("a", text(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(txn.log); n != 1 {
		t.Errorf("%d steps are kept", n)
	}
}

func TestManyChecksAtOnce(t *testing.T) {
	t.Parallel()
	const checks, runs = 50, 100
	dir := folder(t, func(db *DB) {
		var all sync.WaitGroup
		for i := range checks {
			all.Go(func() {
				name := fmt.Sprint("check ", i)
				for n := range runs {
					txn := db.Begin(name)
					_, _, _ = txn.Delta("counter", Counter{Value: float64(n)})
					_ = txn.Set("a", text(fmt.Sprint(n)))
					_ = txn.Set("b", text(fmt.Sprint(n)))
					txn.End(n%7 != 1)
				}
			})
		}
		for range 10 {
			db.Use([]string{"check 1"})
			_ = db.Stats()
		}
		all.Wait()
	})
	db, told := open(t, Options{Dir: dir})
	for i := range checks {
		if got := values(db, fmt.Sprint("check ", i)); got != "a=98 b=98" {
			t.Errorf("check %d keeps %q (%s)", i, got, told.text())
		}
	}
}

func BenchmarkCommit(b *testing.B) {
	for _, bench := range []struct{ name, dir string }{{"Memory", ""}, {"Disk", b.TempDir()}} {
		b.Run(bench.name, func(b *testing.B) {
			db, err := Open(Options{Dir: bench.dir})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				txn := db.Begin("check")
				_, _, _ = txn.Rate("bytes", Counter{Value: float64(n)})
				txn.End(true)
			}
		})
	}
}
