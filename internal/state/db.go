package state

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// maxCheckName bounds the names by which state is kept, in bytes; the file's keys are not to be longer than a page.
const maxCheckName = 1024

// DB keeps the state of all checks. Its methods may be called from any goroutine.
type DB struct {
	options Options
	opened  time.Time // with the monotonic clock
	process uint64    // tells the samples of this DB's clock from those before a restart

	mu      sync.Mutex // protects following fields; held shortly
	records map[string]*record
	inUse   map[string]bool     // checks that a script has; nil: not known yet
	changed map[string]struct{} // records that the file does not have yet; nil without a file
	saving  int                 // more of them, which are being written now

	total                            atomic.Int64 // bytes of all records; changed under mu
	commits, saves, failures, losses atomic.Uint64

	file  *file // nil: in memory only
	wake  chan struct{}
	stop  chan struct{}
	ended chan struct{}
	close sync.Once
	err   error // of the last save; set in close
}

// Stats are counters and sizes of a DB.
type Stats struct {
	Checks   int    // that keep something
	Bytes    int64  // that they keep
	Unsaved  int    // checks whose last changes are not on disk
	Commits  uint64 // of runs that changed something
	Saves    uint64 // to disk
	Failures uint64 // saves that failed; they are tried again
	Losses   uint64 // checks whose state was found damaged; a file that could not be read at all counts as one
}

// Open reads what is kept in the folder, and holds it against other processes until Close. Without a folder state is
// in memory, and there is no error. A file that is damaged is put aside and told of by OnEvent, as is a disk that is
// full or cannot be written to; that is tried again. An error says that the folder is not one for this.
func Open(o Options) (*DB, error) {
	db := &DB{options: o.withDefaults(), opened: time.Now(), process: newProcess(), records: map[string]*record{}}
	if o.Dir == "" {
		return db, nil
	}
	db.wake, db.stop, db.ended = make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	db.changed = map[string]struct{}{}
	f, err := openFile(o.Dir, db.options.LockWait)
	if err != nil {
		return nil, err
	}
	db.file = f
	records, lost, problems := f.read()
	db.records = records
	for _, r := range records {
		db.total.Add(int64(r.bytes))
	}
	db.losses.Add(uint64(lost))
	for _, p := range problems {
		db.tell(p)
	}
	s := &saver{db: db, failing: len(problems) > 0}
	if !s.save() { // a fresh file: neither the free pages nor the damage of the old one
		db.wake <- struct{}{}
	}
	go s.run()
	return db, nil
}

func newProcess() uint64 {
	var b [8]byte
	for {
		_, _ = rand.Read(b[:]) // never fails
		if n := binary.LittleEndian.Uint64(b[:]); n != 0 {
			return n
		}
	}
}

func (db *DB) tell(err error) {
	if db.options.OnEvent != nil {
		db.options.OnEvent(err)
	}
}

// apply makes changes the state of a check.
func (db *DB) apply(check string, changes map[string]change) {
	db.mu.Lock()
	defer db.mu.Unlock()
	r := db.records[check]
	if r == nil {
		r = &record{entries: make(map[string]string, len(changes))}
		if db.inUse != nil && !db.inUse[check] { // a late run of a check that is gone
			r.gone = time.Now().Unix()
		}
		db.records[check] = r
	}
	before := r.bytes
	for key, c := range changes {
		if old, ok := r.entries[key]; ok {
			r.bytes -= entryBytes(key, old)
		}
		if c.deleted {
			delete(r.entries, key)
			continue
		}
		r.entries[key] = c.value
		r.bytes += entryBytes(key, c.value)
	}
	db.total.Add(int64(r.bytes - before))
	if len(r.entries) == 0 {
		delete(db.records, check)
	}
	db.commits.Add(1)
	db.toSave(check)
}

// toSave notes that the file does not have a record as it is. The lock is held.
func (db *DB) toSave(check string) {
	if db.changed == nil {
		return
	}
	db.changed[check] = struct{}{}
	select {
	case db.wake <- struct{}{}:
	default:
	}
}

// Use tells which checks there are now. The state of others is kept for Options.KeepGone from here on.
func (db *DB) Use(checks []string) {
	inUse := make(map[string]bool, len(checks))
	for _, name := range checks {
		inUse[name] = true
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	db.inUse = inUse
	now := time.Now().Unix()
	for name, r := range db.records {
		switch {
		case inUse[name] && r.gone != 0:
			r.gone = 0
			db.toSave(name)
		case !inUse[name] && r.gone == 0:
			r.gone = now
			db.toSave(name)
		}
	}
	db.dropGone()
}

// dropGone removes the state of checks that have been gone for long enough. The lock is held.
func (db *DB) dropGone() {
	until := time.Now().Add(-db.options.KeepGone).Unix()
	for name, r := range db.records {
		if r.gone != 0 && r.gone <= until {
			db.total.Add(int64(-r.bytes))
			delete(db.records, name)
			db.toSave(name)
		}
	}
}

// Stats gives the counters.
func (db *DB) Stats() Stats {
	db.mu.Lock()
	checks, unsaved := len(db.records), len(db.changed)+db.saving
	db.mu.Unlock()
	return Stats{
		Checks: checks, Bytes: db.total.Load(), Unsaved: unsaved, Commits: db.commits.Load(),
		Saves: db.saves.Load(), Failures: db.failures.Load(), Losses: db.losses.Load(),
	}
}

// Close saves what is not saved yet, and lets go of the folder. What is committed after it is in memory only. The
// error says what is lost.
func (db *DB) Close() error {
	if db.file == nil {
		return nil
	}
	db.close.Do(func() {
		close(db.stop)
		<-db.ended
		if n := db.Stats().Unsaved; n > 0 {
			db.err = fmt.Errorf("the last changes of the state of %d checks could not be saved, and are lost: %w", n, db.err)
		} else {
			db.err = nil
		}
		db.file.close()
	})
	return db.err
}

// takeChanged gives the names whose records are to be written now; putBack follows.
func (db *DB) takeChanged() []string {
	db.mu.Lock()
	defer db.mu.Unlock()
	names := slices.Sorted(maps.Keys(db.changed)) // in the order of the file: fewer pages to touch at a time
	clear(db.changed)
	db.saving = len(names)
	return names
}

// putBack notes what could not be written.
func (db *DB) putBack(names []string) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.saving = 0
	for _, name := range names {
		db.changed[name] = struct{}{}
	}
}

func (db *DB) allNames() []string {
	db.mu.Lock()
	defer db.mu.Unlock()
	return slices.Sorted(maps.Keys(db.records))
}

// encoded is a check's record as the file has it; nil if there is none. It is that of one moment, between two runs.
func (db *DB) encoded(check string) []byte {
	db.mu.Lock()
	defer db.mu.Unlock()
	if r := db.records[check]; r != nil {
		return appendRecord(nil, check, r)
	}
	return nil
}
