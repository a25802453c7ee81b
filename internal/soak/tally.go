package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"text/tabwriter"
)

// tally is what has come: for each run of the daemon, which numbers, and how often.
type tally struct {
	runs  map[int]map[int]int
	lines int
	torn  int // lines that are no message
}

func tallyFile(path string) (tally, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return tallyOf(nil)
	}
	if err != nil {
		return tally{}, err
	}
	defer f.Close()
	return tallyOf(f)
}

func tallyOf(r io.Reader) (tally, error) {
	t := tally{runs: map[int]map[int]int{}}
	if r == nil {
		return t, nil
	}
	for s := bufio.NewReaderSize(r, 1<<16); ; {
		line, err := s.ReadBytes('\n')
		if err == io.EOF {
			return t, nil // what is behind the last newline is being written, or torn
		}
		if err != nil {
			return t, err
		}
		t.lines++
		var m struct{ Run, N int }
		if json.Unmarshal(line, &m) != nil || m.Run == 0 || m.N == 0 {
			t.torn++
			continue
		}
		if t.runs[m.Run] == nil {
			t.runs[m.Run] = map[int]int{}
		}
		t.runs[m.Run][m.N]++
	}
}

// sentBy is what the daemon must have sent: in each run, all numbers up to the largest that came anywhere. A message is
// handed to one destination after the other, so where the daemon is killed, the last one may not have been handed to all.
func sentBy(targets []*target) tally {
	sent := tally{runs: map[int]map[int]int{}}
	for _, t := range targets {
		for run, numbers := range t.got.runs {
			if sent.runs[run] == nil {
				sent.runs[run] = map[int]int{}
			}
			for n := range numbers {
				sent.runs[run][0] = max(sent.runs[run][0], n)
			}
		}
	}
	for _, numbers := range sent.runs {
		most := numbers[0]
		delete(numbers, 0)
		for n := 1; n <= most; n++ {
			numbers[n] = 1
		}
		sent.lines += most
	}
	return sent
}

// missing counts what was sent and has not come, but for the last message of each run.
func (t tally) missing(sent tally) (missing int) {
	for run, numbers := range sent.runs {
		for n := range numbers {
			if t.runs[run][n] == 0 && n < len(numbers) {
				missing++
			}
		}
	}
	return missing
}

// doubled counts what came more than once, each time that it came again.
func (t tally) doubled() (doubled int) {
	for _, numbers := range t.runs {
		for _, times := range numbers {
			doubled += times - 1
		}
	}
	return doubled
}

// report prints the table, and says whether anything was lost that must not be.
func report(out io.Writer, sent tally, targets []*target) (bad bool) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "destination\tsent\treceived\tlost\tdoubled\ttorn\tkilled\tpromise\t")
	for _, t := range targets {
		lost := t.got.missing(sent)
		promise := "what its kernel had may be lost"
		if t.kind.promise {
			promise = "kept"
			if lost > 0 {
				promise, bad = "BROKEN", true
			}
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t\n", t.kind.name, sent.lines, t.got.lines-t.got.torn, lost, t.got.doubled(), t.got.torn, t.kills, promise)
	}
	w.Flush()
	return bad || sent.lines == 0
}
