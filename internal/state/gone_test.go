package state

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

const day = 24 * time.Hour

// What a check keeps is dropped when no script has had the check for 30 days; not before, and not while the daemon
// was not running.
func TestTheStateOfACheckThatIsGoneIsDroppedAfterAMonth(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	synctest.Test(t, func(t *testing.T) {
		start := func(checks ...string) *DB {
			db, err := Open(Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			db.Use(checks)
			return db
		}
		db := start("stays", "goes", "comes back")
		for _, check := range []string{"stays", "goes", "comes back"} {
			set(t, db, check, "a", "1")
		}
		db.Use([]string{"stays"})
		closed(t, db)

		time.Sleep(20 * day)
		db = start("stays", "comes back")
		if got := values(db, "goes"); got != "a=1" {
			t.Errorf("after 20 days there is %q", got)
		}
		db.Use([]string{"stays"})
		time.Sleep(11 * day) // the sweep finds it, without a reload
		if got := values(db, "goes"); got != "" {
			t.Errorf("after 31 days there is %q", got)
		}
		if got := values(db, "comes back"); got != "a=1" {
			t.Errorf("a check that was there 11 days ago has %q", got)
		}
		closed(t, db)

		time.Sleep(100 * day) // the daemon does not run
		db = start("stays")
		if got := values(db, "stays"); got != "a=1" {
			t.Errorf("a check that was there when the daemon stopped has %q", got)
		}
		if s := db.Stats(); s.Checks != 1 || s.Bytes != int64(entryBytes("va", text("1"))) {
			t.Errorf("%+v", s)
		}
		closed(t, db)
	})
}

func TestTheStateOfALateRunOfACheckThatIsGoneIsNotKeptForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, err := Open(Options{})
		if err != nil {
			t.Fatal(err)
		}
		db.Use(nil)
		set(t, db, "late", "a", "1")
		time.Sleep(31 * day)
		db.Use(nil)
		if got := values(db, "late"); got != "" {
			t.Errorf("there is %q", got)
		}
	})
}

// Many commits are one save.
func TestCommitsAreSavedTogether(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	synctest.Test(t, func(t *testing.T) {
		db, err := Open(Options{Dir: dir, Interval: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		before := db.Stats().Saves
		for range 100 {
			set(t, db, "check", "a", time.Now().String())
			time.Sleep(time.Millisecond)
		}
		if s := db.Stats(); s.Saves != before || s.Unsaved != 1 || s.Commits != 100 {
			t.Errorf("within the interval: %+v", s)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if s := db.Stats(); s.Saves != before+1 || s.Unsaved != 0 {
			t.Errorf("after it: %+v", s)
		}
		closed(t, db)
	})
}
