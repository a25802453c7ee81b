package output

import (
	"bytes"
	"testing"
)

func portionLines(n, size int) (all [][]byte) {
	for range n {
		all = append(all, bytes.Repeat([]byte("x"), size-1))
	}
	return all
}

func TestAPortionFitsItsLimit(t *testing.T) {
	p := newPortion(100)
	for _, tt := range []struct {
		name        string
		lines       [][]byte
		want, bytes int
	}{
		{"none", nil, 0, 0},
		{"all", portionLines(3, 10), 3, 30},
		{"as many as fit, to the byte", portionLines(30, 10), 10, 100},
		{"one, however long", portionLines(2, 500), 1, 500},
	} {
		if n, bytes := p.take(tt.lines, 0); n != tt.want || bytes != tt.bytes {
			t.Errorf("%s: %d lines of %d bytes, want %d of %d", tt.name, n, bytes, tt.want, tt.bytes)
		}
	}
}

// serve sends lines to a peer that answers for each portion, and returns how many requests there were, how many lines
// were accepted, and how many dropped.
func answerPortions(p *portion, all [][]byte, answer func(p *portion, at, n, bytes int) (accepted, again bool)) (requests, accepted, dropped int) {
	for at := 0; at < len(all); {
		n, bytes := p.take(all[at:], uint64(at))
		requests++
		ok, again := answer(p, at, n, bytes)
		switch {
		case ok:
			p.accepted()
			accepted += n
		case again:
			continue
		default:
			dropped += n
		}
		at += n
	}
	return requests, accepted, dropped
}

func TestOnlyTheLinesToBlameAreDropped(t *testing.T) {
	bad := map[int]bool{0: true, 300: true, 301: true, 999: true}
	p := newPortion(1 << 20)
	requests, accepted, dropped := answerPortions(&p, portionLines(1000, 100), func(p *portion, at, n, bytes int) (bool, bool) {
		for i := at; i < at+n; i++ {
			if bad[i] {
				return false, p.refused(n, bytes)
			}
		}
		return true, false
	})
	if accepted != 996 || dropped != 4 || requests > 150 {
		t.Errorf("%d accepted and %d dropped with %d requests", accepted, dropped, requests)
	}
}

func TestAPeerThatRefusesAllIsNotAskedForEachLine(t *testing.T) {
	p := newPortion(1 << 20)
	requests, _, dropped := answerPortions(&p, portionLines(1000, 100), func(p *portion, _, n, bytes int) (bool, bool) { return false, p.refused(n, bytes) })
	if dropped != 1000 || requests > 30 {
		t.Errorf("%d dropped with %d requests", dropped, requests)
	}
}

func TestALimitOfThePeerIsLearned(t *testing.T) {
	p := newPortion(1 << 20)
	tooLarge := 0
	requests, accepted, _ := answerPortions(&p, portionLines(1000, 100), func(p *portion, _, n, bytes int) (bool, bool) {
		if bytes > 10_000 {
			tooLarge++
			return false, p.tooLarge(n, bytes)
		}
		return true, false
	})
	if accepted != 1000 || tooLarge > 5 || requests > 30 {
		t.Errorf("%d accepted with %d requests, of which %d were too large", accepted, requests, tooLarge)
	}
}

func TestALimitThatThePeerHasNoMoreIsForgotten(t *testing.T) {
	p := newPortion(1 << 20)
	p.tooLarge(1000, 100_000)
	lines := portionLines(1<<20/100, 100)
	before, _ := p.take(lines, 0)
	for range growAfter - 1 {
		p.accepted()
	}
	if n, _ := p.take(lines, 0); n != before {
		t.Errorf("%d lines are sent together after %d requests, want %d", n, growAfter-1, before)
	}
	for range 5*growAfter + 10 {
		p.accepted()
	}
	if n, _ := p.take(lines, 0); n != len(lines) {
		t.Errorf("%d lines are sent together in the end, want all %d", n, len(lines))
	}
}

func TestALimitThatThePeerKeepsIsTriedAtTimes(t *testing.T) {
	p := newPortion(1 << 20)
	tooLarge := 0
	requests, accepted, _ := answerPortions(&p, portionLines(100_000, 100), func(p *portion, _, n, bytes int) (bool, bool) {
		if bytes > 10_000 {
			tooLarge++
			return false, p.tooLarge(n, bytes)
		}
		return true, false
	})
	if accepted != 100_000 || tooLarge > 7+requests/growAfter || requests > 2500 {
		t.Errorf("%d accepted with %d requests, of which %d were too large", accepted, requests, tooLarge)
	}
}

func TestALineThatIsTooLargeDoesNotShrinkTheOthers(t *testing.T) {
	p := newPortion(1 << 20)
	all := portionLines(1000, 100)
	all[500] = bytes.Repeat([]byte("x"), 20_000)
	requests, accepted, dropped := answerPortions(&p, all, func(p *portion, _, n, bytes int) (bool, bool) {
		if bytes > 15_000 {
			return false, p.tooLarge(n, bytes)
		}
		return true, false
	})
	if accepted != 999 || dropped != 1 || requests > 80 {
		t.Errorf("%d accepted and %d dropped with %d requests", accepted, dropped, requests)
	}
}

func TestWhatIsSentAgainIsThePortionThatItWas(t *testing.T) {
	p := newPortion(1 << 20)
	n, size := p.take(portionLines(10, 100), 7)
	p.failed(7, n, size)
	if n, _ := p.take(portionLines(50, 100), 7); n != 10 {
		t.Errorf("%d lines are sent again together, want the 10 of the first time", n)
	}
	if n, _ := p.take(portionLines(50, 100), 8); n != 50 {
		t.Errorf("another portion has %d lines, want all 50", n)
	}
	p.failed(7, n, size)
	if n, _ := p.take(portionLines(50, 100), 7); n != 5 {
		t.Errorf("%d lines are sent together after two failures, want half of 10", n)
	}
	for range 20 {
		p.accepted()
	}
	if n, _ := p.take(portionLines(50, 100), 7); n != 50 {
		t.Errorf("%d lines are sent together when all goes well again, want 50", n)
	}
}
