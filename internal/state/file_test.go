package state

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

func TestStateComesThroughARestart(t *testing.T) {
	t.Parallel()
	dir := folder(t, func(db *DB) {
		set(t, db, "first", "a", "1")
		set(t, db, "second", "b", "\x00\xff")
		set(t, db, "third", "c", "3")
		txn := db.Begin("third")
		txn.Delete("c")
		txn.End(true)
	})
	db, told := open(t, Options{Dir: dir})
	if a, b, s := values(db, "first"), values(db, "second"), db.Stats(); a != "a=1" || b != "b=\x00\xff" || s.Checks != 2 || s.Bytes == 0 {
		t.Errorf("got %q, %q, %+v", a, b, s)
	}
	set(t, db, "second", "b", "changed")
	saved(t, db)
	txn := db.Begin("first")
	txn.Delete("a")
	txn.End(true)
	closed(t, db)
	db, _ = open(t, Options{Dir: dir})
	if got := values(db, "second"); got != "b=changed" || db.Stats().Checks != 1 || told.text() != "[]" {
		t.Errorf("got %q, %+v, and was told %s", got, db.Stats(), told.text())
	}
}

func TestOnlyTheOwnerCanReadState(t *testing.T) {
	t.Parallel()
	dir := folder(t, func(db *DB) { set(t, db, "check", "a", "1") })
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, fileName): 0o600, filepath.Join(dir, lockName): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has the mode %v, %v, want %v", path, info.Mode().Perm(), err, want)
		}
	}
}

func TestAFolderIsForOneProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, _ := open(t, Options{Dir: dir})
	_, err := Open(Options{Dir: dir, LockWait: time.Millisecond})
	var busy *BusyError
	if !errors.As(err, &busy) || busy.Process != fmt.Sprint(os.Getpid()) {
		t.Errorf("the second one gets %v", err)
	}
	second := make(chan error, 1)
	go func() {
		db, err := Open(Options{Dir: dir, LockWait: patience})
		if err == nil {
			err = db.Close()
		}
		second <- err
	}()
	closed(t, db)
	if err := <-second; err != nil {
		t.Errorf("one that waits gets %v", err)
	}
}

func TestAFolderThatIsNoneIsAnError(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: path}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
}

// many are enough checks for a tree of several levels: branches, leaves, and values of several pages.
func many(t testing.TB, db *DB) {
	t.Helper()
	for i := range 300 {
		set(t, db, fmt.Sprintf("check %03d %s", i, strings.Repeat("x", 200)), "a", strings.Repeat(fmt.Sprint(i), 20))
	}
	set(t, db, "long", "a", strings.Repeat("long ", 3000))
}

// What bbolt writes, and what is read of it here, is the same.
func TestPagesAreReadAsBboltReadsThem(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		fill func(db *DB)
	}{
		{"nothing", func(*DB) {}},
		{"a bucket within a page", func(db *DB) { set(t, db, "check", "a", "1") }},
		{"many pages", func(db *DB) { many(t, db) }},
		{"pages that were freed", func(db *DB) {
			many(t, db)
			saved(t, db)
			for i := range 100 {
				txn := db.Begin(fmt.Sprintf("check %03d %s", i, strings.Repeat("x", 200)))
				txn.Delete("a")
				txn.End(true)
				if i%10 == 0 {
					saved(t, db)
				}
			}
		}},
	} {
		dir := folderSaved(t, time.Millisecond, test.fill)
		want := map[string]string{}
		db, err := bolt.Open(filepath.Join(dir, fileName), 0o600, &bolt.Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		err = db.View(func(tx *bolt.Tx) error {
			return tx.Bucket([]byte(bucketName)).ForEach(func(k, v []byte) error {
				want[string(k)] = string(v)
				return nil
			})
		})
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		err = readPages(read(t, dir), func(key, value []byte) { got[string(key)] = string(value) })
		if err != nil || len(got) != len(want) {
			t.Errorf("%s: got %d records, %v; bbolt gives %d", test.name, len(got), err, len(want))
		}
		for key, value := range want {
			if got[key] != value {
				t.Errorf("%s: %q is another one", test.name, key)
			}
		}
	}
}

// A file that is damaged keeps nobody from starting, and nothing of it is taken for what was written.
func TestADamagedFileIsPutAside(t *testing.T) {
	t.Parallel()
	whole := read(t, folder(t, func(db *DB) { many(t, db) }))
	flip := func(at int) []byte {
		data := bytes.Clone(whole)
		data[at] ^= 0x10
		return data
	}
	_, pages, err := readMeta(whole)
	if err != nil {
		t.Fatal(err)
	}
	record := bytes.Index(whole, []byte(strings.Repeat("123", 20)))
	for _, test := range []struct {
		name, told string
		data       []byte
		checks     int
	}{
		{"nothing in it", "it has 0 bytes only", nil, 0},
		{"cut off", "it is cut off", whole[:pages*pageSize-1], 0},
		{"cut off after its heads", "it is cut off", whole[:2*pageSize], 0},
		{"text", "it has 6 bytes only", []byte("hello\n"), 0},
		{"zeros", "neither of its two heads is whole", make([]byte, 1<<16), 0},
		{"zeros after its heads", "is another one", append(bytes.Clone(whole[:2*pageSize]), make([]byte, len(whole)-2*pageSize)...), 0},
		{"a flipped byte in a record", `the state of the check \"check 123`, flip(record + 2), 300},
	} {
		dir := t.TempDir()
		write(t, dir, test.data)
		db, told := open(t, Options{Dir: dir})
		if text := told.text(); !strings.Contains(text, strings.ReplaceAll(test.told, `\"`, `"`)) || !strings.Contains(text, "was put aside as ") {
			t.Errorf("%s: was told %s", test.name, text)
		}
		if s := db.Stats(); s.Checks != test.checks || s.Losses != 1 || s.Failures != 0 {
			t.Errorf("%s: %+v", test.name, s)
		}
		list := asides(t, dir)
		if len(list) != 1 {
			t.Fatalf("%s: put aside are %v", test.name, list)
		}
		if kept, err := os.ReadFile(list[0]); err != nil || !bytes.Equal(kept, test.data) {
			t.Errorf("%s: what was put aside is another file: %v", test.name, err)
		}
		set(t, db, "new", "a", "1")
		wait(t, "word that all is well again", func() bool { return strings.HasSuffix(told.text(), " <nil>]") })
		closed(t, db)
		db, told = open(t, Options{Dir: dir})
		if got := values(db, "new"); got != "a=1" || told.text() != "[]" {
			t.Errorf("%s: after it there is %q, and was told %s", test.name, got, told.text())
		}
		closed(t, db)
	}
}

func TestOnlyTheLastDamagedFilesAreKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range maxAside + 3 {
		write(t, dir, fmt.Appendf(nil, "damage %d", i))
		db, _ := open(t, Options{Dir: dir})
		closed(t, db)
	}
	list := asides(t, dir)
	if len(list) != maxAside {
		t.Fatalf("there are %d", len(list))
	}
	if data, err := os.ReadFile(list[0]); string(data) != "damage 3" {
		t.Errorf("the oldest is %q, %v", data, err)
	}
}

// signHeads makes the checksums of a file's heads right.
func signHeads(data []byte) {
	for i := range 2 {
		if len(data) >= (i+1)*pageSize {
			meta := data[i*pageSize+pageHead:][:metaSize]
			sum := fnv.New64a()
			_, _ = sum.Write(meta[:56])
			order.PutUint64(meta[56:], sum.Sum64())
		}
	}
}

// Whatever is in the file: reading it comes to an end, without a panic, and gives no record that was not written.
func TestNoDamageOfAPageDoesHarm(t *testing.T) {
	t.Parallel()
	whole := read(t, folder(t, func(db *DB) { many(t, db) }))
	written := map[string]string{}
	if err := readPages(whole, func(key, value []byte) { written[string(key)] = string(value) }); err != nil {
		t.Fatal(err)
	}
	pages := len(whole) / pageSize
	data := bytes.Clone(whole)
	for page := range pages {
		for at := range 48 { // the head of a page, and its first elements, or the root in a head of the file
			i := page*pageSize + at
			for _, with := range []byte{0x01, 0xff} {
				data[i] ^= with
				signHeads(data)
				_ = readPages(data, func(key, value []byte) {
					if r, err := decodeRecord(string(key), string(value)); err == nil && written[string(key)] != string(value) {
						t.Errorf("with byte %d of page %d changed, %q is %v", at, page, key, r.entries)
					}
				})
				data[i] ^= with
			}
		}
		copy(data, whole[:2*pageSize])
	}
}

// A tree that leads back to itself is what no library of the file survives.
func TestATreeThatLeadsBackToItself(t *testing.T) {
	t.Parallel()
	data := read(t, folder(t, func(db *DB) { many(t, db) }))
	branches := 0
	for id := 2; id < len(data)/pageSize; id++ {
		page := data[id*pageSize:]
		if order.Uint16(page[8:]) == branchPage && order.Uint64(page) == uint64(id) {
			branches++
			order.PutUint64(page[pageHead+8:], uint64(id))
		}
	}
	if branches == 0 {
		t.Fatal("the file has no branches")
	}
	if err := readPages(data, func(_, _ []byte) {}); err == nil || !strings.Contains(err.Error(), "a reference to page") {
		t.Errorf("got %v", err)
	}
}

// FuzzReadPages writes something into a good file, at a place.
func FuzzReadPages(f *testing.F) {
	whole := read(f, folder(f, func(db *DB) {
		for i := range 40 {
			set(f, db, fmt.Sprintf("check %d %s", i, strings.Repeat("x", 200)), "a", strings.Repeat("y", 100))
		}
	}))
	f.Add(uint32(pageHead+16), []byte{3})
	f.Add(uint32(pageSize+pageHead+40), []byte{255, 255})
	for page := range len(whole) / pageSize {
		f.Add(uint32(page*pageSize), []byte{1, 0, 0, 0, 0, 0, 0, 0, 1})
		f.Add(uint32(page*pageSize+8), []byte{2, 0, 255, 255})
		f.Add(uint32(page*pageSize+pageHead), bytes.Repeat([]byte{3, 0, 0, 0}, 8))
	}
	data := bytes.Clone(whole)
	f.Fuzz(func(_ *testing.T, at uint32, patch []byte) {
		copy(data, whole)
		copy(data[int(at)%len(data):], patch)
		signHeads(data)
		_ = readPages(data, func(key, value []byte) { _, _ = decodeRecord(string(key), string(value)) })
	})
}

// A disk that cannot be written to costs nothing but the saves: they are tried again.
func TestStateGoesOnInMemoryWhileItCannotBeSaved(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	db, told := open(t, Options{Dir: dir})
	set(t, db, "check", "a", "1")
	saved(t, db)
	// The folder is replaced by a file: that hinders root as well.
	if err := os.Rename(dir, dir+" away"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	set(t, db, "check", "a", "2")
	wait(t, "failure", func() bool { return db.Stats().Failures > 1 })
	if got := values(db, "check"); got != "a=2" || !strings.Contains(told.text(), "cannot be saved, and is kept in memory; it is tried again: ") {
		t.Errorf("got %q, and was told %s", got, told.text())
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	saved(t, db)
	wait(t, "word that all is well again", func() bool { return strings.HasSuffix(told.text(), " <nil>]") })
	closed(t, db)
	db, _ = open(t, Options{Dir: dir})
	if got := values(db, "check"); got != "a=2" {
		t.Errorf("after the restart there is %q", got)
	}
}

func TestWhatIsLostAtTheEndIsAnError(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	db, _ := open(t, Options{Dir: dir, Interval: time.Hour})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	set(t, db, "check", "a", "1")
	for range 2 { // the second Close says the same
		if err := db.Close(); err == nil || !strings.Contains(err.Error(), "the state of 1 checks could not be saved, and are lost") {
			t.Errorf("got %v", err)
		}
	}
	set(t, db, "check", "a", "2") // a late run
	if got := values(db, "check"); got != "a=2" {
		t.Errorf("got %q", got)
	}
}

// Somebody removes the file, or cuts it short, while it is open.
func TestAFileThatIsTakenAwayIsWrittenAnew(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(path string) error{
		"removed":   os.Remove,
		"cut short": func(path string) error { return os.Truncate(path, 0) },
		"replaced":  func(path string) error { return errors.Join(os.Remove(path), os.WriteFile(path, []byte("x"), 0o600)) },
	} {
		dir := filepath.Join(t.TempDir(), "state")
		db, told := open(t, Options{Dir: dir})
		many(t, db)
		saved(t, db)
		if err := harm(filepath.Join(dir, fileName)); err != nil {
			t.Fatal(err)
		}
		set(t, db, "long", "a", "short")
		saved(t, db)
		closed(t, db)
		db, again := open(t, Options{Dir: dir})
		if got := values(db, "long"); got != "a=short" || db.Stats().Checks != 301 || again.text() != "[]" {
			t.Errorf("%s: there is %q, %+v; was told %s, then %s", name, got, db.Stats(), told.text(), again.text())
		}
		closed(t, db)
	}
}
