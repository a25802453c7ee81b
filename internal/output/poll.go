package output

import "time"

const (
	pollFirst = 2 * time.Millisecond
	pollLast  = 200 * time.Millisecond
)

// poll is when to look next whether lines in flight were acknowledged: soon after something happened, then ever
// less often, and never when nothing is in flight.
type poll struct {
	timer *time.Timer
	wait  time.Duration
}

func newPoll() *poll {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &poll{timer: t, wait: pollFirst}
}

func (p *poll) soon() { p.wait = pollFirst }

func (p *poll) stop() { p.timer.Stop() }

// after returns a channel that receives when it is time, for lines in flight or, if that is sooner and not 0,
// after wait.
func (p *poll) after(inFlight int, wait time.Duration) <-chan time.Time {
	if inFlight > 0 {
		if wait == 0 || p.wait < wait {
			wait = p.wait
		}
		p.wait = min(2*p.wait, pollLast)
	}
	if wait == 0 {
		return nil
	}
	p.timer.Reset(wait)
	return p.timer.C
}
