package nagios_test

import (
	"math"
	"testing"

	"dumbprobe/internal/nagios"
)

func TestParseRange(t *testing.T) {
	inf := math.Inf(1)
	for _, test := range []struct {
		in     string
		want   nagios.Range
		alerts []float64
		quiet  []float64
	}{
		{"10", nagios.Range{Start: 0, End: 10}, []float64{-0.1, 10.1}, []float64{0, 5, 10}},
		{"10:", nagios.Range{Start: 10, End: inf}, []float64{9.9, -1}, []float64{10, 1e300}},
		{"~:10", nagios.Range{Start: -inf, End: 10}, []float64{10.1}, []float64{10, -1e300}},
		{"10:20", nagios.Range{Start: 10, End: 20}, []float64{9, 21}, []float64{10, 20}},
		{"@10:20", nagios.Range{Start: 10, End: 20, Inside: true}, []float64{10, 15, 20}, []float64{9, 21}},
		{"@10", nagios.Range{Start: 0, End: 10, Inside: true}, []float64{0, 10}, []float64{-1, 11}},
		{"@~:0", nagios.Range{Start: -inf, End: 0, Inside: true}, []float64{0, -9}, []float64{1}},
		{":10", nagios.Range{Start: 0, End: 10}, []float64{-1, 11}, []float64{0}},
		{":", nagios.Range{Start: 0, End: inf}, []float64{-1}, []float64{0, 9}},
		{"~:", nagios.Range{Start: -inf, End: inf}, nil, []float64{-1e300, 1e300}},
		{"0", nagios.Range{}, []float64{-1, 1}, []float64{0}},
		{"-20:-10", nagios.Range{Start: -20, End: -10}, []float64{-21, 0}, []float64{-15}},
		{"1,5:2,5", nagios.Range{Start: 1.5, End: 2.5}, []float64{1, 3}, []float64{2}},
		{"1.5e+03", nagios.Range{Start: 0, End: 1500}, []float64{1501}, []float64{1500}},
		{"5:5", nagios.Range{Start: 5, End: 5}, []float64{4, 6}, []float64{5}},
	} {
		t.Run(test.in, func(t *testing.T) {
			got, err := nagios.ParseRange(test.in)
			if err != nil || got != test.want {
				t.Fatalf("got %+v, %v, want %+v", got, err, test.want)
			}
			for _, v := range test.alerts {
				if !got.Alerts(v) {
					t.Errorf("no alert at %v", v)
				}
			}
			for _, v := range append(test.quiet, math.NaN()) {
				if got.Alerts(v) {
					t.Errorf("an alert at %v", v)
				}
			}
		})
	}
}

func TestParseRangeRefuses(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"", "the range is empty"},
		{"@", "the range is empty"},
		{"~", `the end of the range "~": not a number`},
		{"20:10", `the range "20:10" starts at 20, after its end 10`},
		{"-10", `the range "-10" starts at 0, after its end -10`},
		{"/home:10", `the start of the range "/home:10": not a number`},
		{"10:20:30", `the end of the range "10:20:30": not a number`},
		{"10%", `the end of the range "10%": not a number`},
		{"@@10", `the end of the range "@@10": not a number`},
		{" 10", `the end of the range " 10": not a number`},
		{"10:~", `the end of the range "10:~": not a number`},
		{"inf:", `the start of the range "inf:": not a number`},
		{"nan", `the end of the range "nan": not a number`},
		{"0x10", `the end of the range "0x10": not a number`},
		{"1_0", `the end of the range "1_0": not a number`},
		{"1e999", `the end of the range "1e999": out of the range of a float64`},
	} {
		t.Run(test.in, func(t *testing.T) {
			if got, err := nagios.ParseRange(test.in); err == nil || err.Error() != test.want {
				t.Errorf("got %+v, %v, want %s", got, err, test.want)
			}
		})
	}
}

func FuzzParseRange(f *testing.F) {
	for _, s := range []string{"10", "10:", "~:10", "10:20", "@10:20", "1,5", "20:10", "@", "", "~:", "1e999", "-0"} {
		f.Add(s, 10.0)
	}
	f.Fuzz(func(t *testing.T, s string, v float64) {
		r, err := nagios.ParseRange(s)
		if err != nil {
			if r != (nagios.Range{}) {
				t.Fatalf("%q: %+v with an error", s, r)
			}
			return
		}
		if math.IsNaN(r.Start) || math.IsNaN(r.End) || r.Start > r.End {
			t.Fatalf("%q: %+v", s, r)
		}
		if math.IsInf(r.Start, 1) || math.IsInf(r.End, -1) {
			t.Fatalf("%q: %+v", s, r)
		}
		opposite := r
		opposite.Inside = !r.Inside
		if !math.IsNaN(v) && r.Alerts(v) == opposite.Alerts(v) {
			t.Fatalf("%q: %v alerts both inside and outside", s, v)
		}
	})
}
