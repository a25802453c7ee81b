package state

import (
	"errors"
	"fmt"
	"slices"
)

// Txn is what one run does to the state of its check. It sees its own changes; everybody else does so when it is
// committed. It is used by one goroutine.
type Txn struct {
	db   *DB
	name string // of the check

	changes map[string]change // by kind and name
	log     []undo            // how to take them back; at most one for each name since the last mark
	seq     int               // counts what was ever put into the log
	marked  int               // seq at the last mark

	bytes, names int // that the check keeps with these changes
	oldBytes     int // that it kept before
}

type change struct {
	value   string
	deleted bool
	seq     int // of what takes it back
}

// undo is what a change has put something else in place of.
type undo struct {
	key          string
	before       change
	had          bool // there was a change before
	seq          int
	bytes, names int // of the Txn
}

// Begin begins a run of the check. Runs of one check are not to overlap: the one that is committed last wins, name
// by name.
func (db *DB) Begin(check string) *Txn {
	t := &Txn{db: db, name: check}
	t.measure()
	return t
}

func (t *Txn) measure() {
	t.db.mu.Lock()
	defer t.db.mu.Unlock()
	t.bytes, t.names = 0, 0
	if r := t.db.records[t.name]; r != nil {
		t.bytes, t.names = r.bytes, len(r.entries)
	}
	t.oldBytes = t.bytes
}

// get looks at what the run has changed, then at what was there.
func (t *Txn) get(key string) (string, bool) {
	if c, changed := t.changes[key]; changed {
		return c.value, !c.deleted
	}
	t.db.mu.Lock()
	defer t.db.mu.Unlock()
	if r := t.db.records[t.name]; r != nil {
		v, ok := r.entries[key]
		return v, ok
	}
	return "", false
}

// Get gives a value, as the Append functions wrote it.
func (t *Txn) Get(name string) (string, bool) { return t.get(string(kindValue) + name) }

// Set sets a value, which the Append functions wrote.
func (t *Txn) Set(name, value string) error { return t.put(kindValue, name, value) }

// Delete takes a value away, and what Delta and Rate remember by that name. It tells whether there was any.
func (t *Txn) Delete(name string) bool {
	found := false
	for _, kind := range []byte{kindValue, kindDelta, kindRate} {
		key := string(kind) + name
		if old, ok := t.get(key); ok {
			found = true
			t.stage(key, change{deleted: true}, t.bytes-entryBytes(key, old), t.names-1)
		}
	}
	return found
}

// Names are the names of the values, sorted.
func (t *Txn) Names() []string {
	names := []string{}
	for key, c := range t.changes {
		if key[0] == kindValue && !c.deleted {
			names = append(names, key[1:])
		}
	}
	t.db.mu.Lock()
	defer t.db.mu.Unlock()
	if r := t.db.records[t.name]; r != nil {
		for key := range r.entries {
			if _, changed := t.changes[key]; !changed && key[0] == kindValue {
				names = append(names, key[1:])
			}
		}
	}
	slices.Sort(names)
	return names
}

// put sets an entry, within the limits. What makes the state smaller is never refused.
func (t *Txn) put(kind byte, name, value string) error {
	l := &t.db.options.Limits
	if name == "" || t.name == "" {
		return errors.New("the name is empty")
	}
	if len(name) > l.Name {
		return fmt.Errorf("the name has %d bytes; at most %d are kept", len(name), l.Name)
	}
	if len(t.name) > maxCheckName {
		return fmt.Errorf("the name of the check has %d bytes; the state of a check is kept by its name if that has at most %d", len(t.name), maxCheckName)
	}
	if len(value) > l.Value {
		return fmt.Errorf("the value of %q takes %d bytes; at most %d are kept", name, len(value), l.Value)
	}
	key := string(kind) + name
	bytes, names := t.bytes+entryBytes(key, value), t.names+1
	if old, ok := t.get(key); ok {
		if old == value {
			return nil
		}
		bytes, names = bytes-entryBytes(key, old), names-1
	}
	switch grows := bytes > t.bytes; {
	case names > t.names && names > l.Names:
		return fmt.Errorf("%q would be one name too many: a check keeps at most %d", name, l.Names)
	case grows && bytes > l.Check:
		return fmt.Errorf("with %q the state of the check would take %d bytes; at most %d are kept", name, bytes, l.Check)
	case grows && t.db.total.Load()+int64(bytes-t.oldBytes) > l.Total:
		return fmt.Errorf("with %q the state of all checks together would take more than the %d bytes that are kept (--max-state)", name, l.Total)
	}
	t.stage(key, change{value: value}, bytes, names)
	return nil
}

func (t *Txn) stage(key string, c change, bytes, names int) {
	if t.changes == nil {
		t.changes = map[string]change{}
	}
	before, had := t.changes[key]
	if c.seq = before.seq; !had || before.seq < t.marked {
		c.seq = t.seq
		t.log = append(t.log, undo{key: key, before: before, had: had, seq: t.seq, bytes: t.bytes, names: t.names})
		t.seq++
	}
	t.changes[key] = c
	t.bytes, t.names = bytes, names
}

// Mark is where the run is now, for UndoTo.
func (t *Txn) Mark() int {
	t.marked = t.seq
	return t.seq
}

// UndoTo takes back what was changed since the mark, but for what was kept or committed meanwhile.
func (t *Txn) UndoTo(mark int) {
	for len(t.log) > 0 && t.log[len(t.log)-1].seq >= mark {
		last := t.log[len(t.log)-1]
		t.log = t.log[:len(t.log)-1]
		if last.had {
			t.changes[last.key] = last.before
		} else {
			delete(t.changes, last.key)
		}
		t.bytes, t.names = last.bytes, last.names
	}
}

// Keep makes sure of what was changed so far: it is committed even if the run fails later. It is for runs of many
// parts that each count by themselves, the records of a stream.
func (t *Txn) Keep() {
	t.log = t.log[:0]
	t.marked = t.seq
}

// End ends the run: what it changed is committed if it went well, and otherwise what was kept of it. The Txn is not
// used any more.
func (t *Txn) End(ok bool) {
	if !ok {
		t.UndoTo(0)
	}
	t.Commit()
}

// Commit makes the changes so far the state of the check; the run goes on.
func (t *Txn) Commit() {
	t.Keep()
	if len(t.changes) > 0 {
		t.db.apply(t.name, t.changes)
		t.changes = nil
		t.measure()
	}
}

// MaxValue is how many bytes a value may take.
func (t *Txn) MaxValue() int { return t.db.options.Limits.Value }
