package nagios

import "strings"

// Output is what a plugin printed.
type Output struct {
	Text     string    // the first line up to the |, white space around it cut off; any bytes
	LongText string    // the further lines up to a |, joined by newlines; any bytes
	Perf     []Perf    // in the order printed, labels unique
	Dropped  []Dropped // what of the performance data could not be read
}

// Perf is one item of the performance data.
type Perf struct {
	Label        string   // as the plugin means it: without quotes; any bytes, not empty
	Name         string   // Name(Label), a valid name of the schema
	Value        float64  // finite; 0 when Undetermined
	Undetermined bool     // the plugin printed U: it could not measure the value
	Unit         string   // as printed (c for a counter); valid UTF-8
	Warn, Crit   *Range   // nil: not given, or dropped
	Min, Max     *float64 // nil: not given, or dropped
}

// Dropped is a piece of the performance data that could not be read.
type Dropped struct {
	Text   string // the item it is from, shortened; any bytes
	Reason string // for a person
}

// Parse reads the standard output of a plugin:
//
//	text | performance data
//	long text
//	long text | performance data
//	performance data
//
// It takes time and memory in proportion to stdout, and keeps no reference to
// it.
func Parse(stdout []byte) Output {
	var out Output
	p := perfParser{out: &out}
	long := make([]string, 0, 8)
	first, inPerf := true, false
	for line := range strings.Lines(string(stdout)) {
		line = strings.TrimRight(line, "\r\n")
		if inPerf {
			p.line(line)
			continue
		}
		text, perf, found := strings.Cut(line, "|")
		if first {
			out.Text = strings.TrimSpace(text)
		} else {
			long = append(long, strings.TrimRight(text, whiteSpace))
			inPerf = found
		}
		p.line(perf)
		first = false
	}
	out.LongText = strings.Trim(strings.Join(long, "\n"), "\n")
	return out
}
