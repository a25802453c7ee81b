package command

import (
	"runtime"
	"sync"
)

// spawner runs functions one after the other on one thread, which lives until close. The kernel sends
// Pdeathsig when the thread that forked ends (golang/go#27505), and Go ends threads as it likes: only a
// child forked here gets it when the daemon dies and not before.
type spawner struct {
	mu   sync.Mutex  // protects following field; held while a job runs
	jobs chan func() // nil until the first job, and after close
	done chan struct{}
}

func (s *spawner) do(job func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.jobs == nil {
		s.jobs, s.done = make(chan func()), make(chan struct{})
		go work(s.jobs, s.done)
	}
	ran := make(chan struct{})
	s.jobs <- func() {
		defer close(ran)
		job()
	}
	<-ran
}

// close is called when no child of do is left: the end of the thread would kill it.
func (s *spawner) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.jobs != nil {
		close(s.jobs)
		<-s.done
		s.jobs = nil
	}
}

func work(jobs <-chan func(), done chan<- struct{}) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(done)
	for job := range jobs {
		job()
	}
}
