package engine

import "sync/atomic"

// presentRun is the run of a check, or of an object, that is under way. It has one outcome, from who is first: the run
// itself at its end, or the watch, which gives it up when it is stuck.
type presentRun struct{ state atomic.Uint64 } // its number, and what follows; 0: none is under way

const (
	runGivenUp = 1 << 32
	runHasTurn = 1 << 33
)

// begin takes the number that the record has given. It returns it.
func (p *presentRun) begin(number uint32) uint32 {
	p.state.Store(uint64(number))
	return number
}

// turn notes that the run does not wait for its turn any more.
func (p *presentRun) turn(number uint32) {
	p.state.CompareAndSwap(uint64(number), uint64(number)|runHasTurn)
}

// waits tells whether a run waits for its turn.
func (p *presentRun) waits() bool {
	run := p.state.Load()
	return run != 0 && run&(runGivenUp|runHasTurn) == 0
}

// end is false if the run was given up: then it is not heard of any more.
func (p *presentRun) end(number uint32) bool {
	return p.state.Swap(0)&^runHasTurn == uint64(number)
}

// giveUp gives up the run that is under way, if there is one. before is set if it was given up before.
func (p *presentRun) giveUp() (number uint32, now, before bool) {
	for {
		run := p.state.Load()
		if run == 0 || run&runGivenUp != 0 {
			return 0, false, run != 0
		}
		if p.state.CompareAndSwap(run, run|runGivenUp) {
			return uint32(run), true, false
		}
	}
}
