package engine

import (
	"maps"
	"time"
)

// A check that holds its VM past every deadline would do so again in the fresh one, and each VM that is
// given up costs a goroutine that may compute for ever. So it is kept from running for a while, which
// doubles each time.
const (
	quarantineBase = time.Minute
	quarantineMax  = 24 * time.Hour

	// replaceRetry is how long after a fresh load that failed a stuck script is looked at again.
	replaceRetry = 30 * time.Second
)

type quarantine struct {
	until time.Time
	times int
}

// quarantine keeps the check of that name from running. It returns who it is and until when.
func (s *script) quarantine(name string) (who source, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.quarantined == nil {
		s.quarantined = map[string]quarantine{}
	}
	q := s.quarantined[name]
	now := time.Now()
	if now.After(q.until) { // not the same finding again, after a load that failed
		wait := min(quarantineBase<<min(q.times, 20), quarantineMax)
		q = quarantine{until: now.Add(wait), times: q.times + 1}
		s.quarantined[name] = q
	}
	s.replaceAt = now.Add(replaceRetry)
	who = source{script: s.path, check: name}
	if t := s.task(name); t != nil {
		who = t.source()
	}
	return who, q.until
}

// holdReplacing has the script not replaced again for a while.
func (s *script) holdReplacing() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replaceAt = time.Now().Add(replaceRetry)
}

func (s *script) mayReplace(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return now.After(s.replaceAt)
}

// inherit takes over who is in quarantine, from the stuck version of the file.
func (s *script) inherit(stuck *script) {
	stuck.mu.Lock()
	q := maps.Clone(stuck.quarantined)
	stuck.mu.Unlock()
	s.mu.Lock()
	s.quarantined = q
	s.mu.Unlock()
}

// quarantinedUntil is when the check of that name may run again; zero: now.
func (s *script) quarantinedUntil(name string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if until := s.quarantined[name].until; time.Now().Before(until) {
		return until
	}
	return time.Time{}
}
