package state

import (
	"fmt"
	"time"
)

// saver brings what was committed to disk: many commits in one transaction, which costs a sync of the disk.
type saver struct {
	db      *DB
	failing bool // the last that was told of is that something is wrong
	ending  bool
}

// maxRetry is the longest time between two tries to save what could not be saved.
const maxRetry = time.Minute

// sweepEvery is how often state is looked through for checks that are long gone.
const sweepEvery = time.Hour

func (s *saver) run() {
	db := s.db
	defer close(db.ended)
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	wait := db.options.Interval
	for {
		select {
		case <-db.stop:
			s.saveLast()
			return
		case <-sweep.C:
			db.mu.Lock()
			db.dropGone()
			db.mu.Unlock()
			continue
		case <-db.wake:
		}
		timer := time.NewTimer(wait) // more commits come meanwhile
		select {
		case <-db.stop:
			timer.Stop()
			s.saveLast()
			return
		case <-timer.C:
		}
		if s.save() {
			wait = db.options.Interval
			continue
		}
		wait = min(2*wait, maxRetry)
		select {
		case db.wake <- struct{}{}:
		default:
		}
	}
}

func (s *saver) saveLast() {
	s.ending = true
	s.save()
}

// save writes what has changed, and tells whether that went well.
func (s *saver) save() bool {
	db := s.db
	names := db.takeChanged()
	if len(names) == 0 && db.file.isOpen() {
		return true
	}
	err := db.file.save(names, db.encoded, db.allNames)
	if err != nil {
		db.putBack(names)
		db.failures.Add(1)
		db.err = err
		s.failing = true
		if !s.ending { // else Close says it
			db.tell(fmt.Errorf("the state of the checks cannot be saved, and is kept in memory; it is tried again: %w", err))
		}
		return false
	}
	db.putBack(nil)
	db.saves.Add(1)
	if s.failing {
		s.failing = false
		db.tell(nil)
	}
	return true
}
