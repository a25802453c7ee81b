package nagios_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"dumbprobe/internal/nagios"

	"github.com/google/go-cmp/cmp"
)

// upTo is the range of a plain number.
func upTo(end float64) *nagios.Range { return &nagios.Range{End: end} }

// perf is an item without thresholds.
func perf(label string, value float64, unit string) nagios.Perf {
	return nagios.Perf{Label: label, Name: nagios.Name(label), Value: value, Unit: unit}
}

func TestParseFindsTextLongTextAndPerf(t *testing.T) {
	type perfs = []nagios.Perf
	a, b, c := perf("a", 1, ""), perf("b", 2, ""), perf("c", 3, "")
	for _, test := range []struct {
		name, in string
		want     nagios.Output
	}{
		{"nothing", "", nagios.Output{}},
		{"text alone", "OK: fine\n", nagios.Output{Text: "OK: fine"}},
		{"no newline", "OK", nagios.Output{Text: "OK"}},
		{"text and perf", " OK  | a=1\n", nagios.Output{Text: "OK", Perf: perfs{a}}},
		{"perf alone", "|a=1", nagios.Output{Perf: perfs{a}}},
		{"an empty perf", "OK|\n", nagios.Output{Text: "OK"}},
		{"long text", "OK\nmore\n  and more \n\n", nagios.Output{Text: "OK", LongText: "more\n  and more"}},
		{"all of it", "OK | a=1\nlong\ntext | b=2\nc=3\n",
			nagios.Output{Text: "OK", LongText: "long\ntext", Perf: perfs{a, b, c}}},
		{"perf in the long text only", "OK\nlong\n|b=2\n\nc=3", nagios.Output{Text: "OK", LongText: "long", Perf: perfs{b, c}}},
		{"carriage returns", "OK|a=1\r\nlong\r\n|b=2\r\n", nagios.Output{Text: "OK", LongText: "long", Perf: perfs{a, b}}},
		{"an empty first line", "\nlong|a=1", nagios.Output{LongText: "long", Perf: perfs{a}}},
		{"a further | belongs to nothing", "OK|a=1\nx|b=2\nfoo | c=3", nagios.Output{Text: "OK", LongText: "x", Perf: perfs{a, b, c},
			Dropped: []nagios.Dropped{{"foo", "no = in it"}, {"|", "no = in it"}}}},
		{"any bytes", "\xff\x00|a=1", nagios.Output{Text: "\xff\x00", Perf: perfs{a}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, nagios.Parse([]byte(test.in))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParsePerf(t *testing.T) {
	type perfs = []nagios.Perf
	type drops = []nagios.Dropped
	inf := math.Inf(1)
	a1 := perf("a", 1, "")
	b2 := perf("b", 2, "")
	for _, test := range []struct {
		name, in string
		want     perfs
		dropped  drops
	}{
		{"every field", "a=1s;10;20;0;100", perfs{{
			Label: "a", Name: "a", Value: 1, Unit: "s", Warn: upTo(10), Crit: upTo(20), Min: new(0.0), Max: new(100.0),
		}}, nil},
		{"fields may be empty", "a=1;;20;;100", perfs{{
			Label: "a", Name: "a", Value: 1, Crit: upTo(20), Max: new(100.0),
		}}, nil},
		{"trailing semicolons", "a=1; b=2;;;;;;;", perfs{a1, b2}, nil},
		{"any white space between items", "a=1 \t\v\f  b=2 ", perfs{a1, b2}, nil},

		{"a quoted label", "'a b'=1", perfs{perf("a b", 1, "")}, nil},
		{"a quoted label that needs none", "'a'=1", perfs{a1}, nil},
		{"= in a quoted label", "'a=b'=1", perfs{perf("a=b", 1, "")}, nil},
		{"a doubled quote", "'it''s a'=1 'b'''=2", perfs{perf("it's a", 1, ""), perf("b'", 2, "")}, nil},
		{"a quote alone", "''''=1", perfs{perf("'", 1, "")}, nil},
		{"punctuation needs no quotes", `/=1 C:\=2 a;b=3 %=4`,
			perfs{perf("/", 1, ""), perf(`C:\`, 2, ""), perf("a;b", 3, ""), perf("%", 4, "")}, nil},
		{"a label that is not UTF-8", "\xff=1", perfs{perf("\xff", 1, "")}, nil},
		{"the label ends at the first =", "a=1 b==2", perfs{a1},
			drops{{"b==2", `the value "=2": not a number`}}},

		{"signs", "a=-1 b=+2", perfs{perf("a", -1, ""), b2}, nil},
		{"fractions", "a=0.5 b=.5 c=5. d=0,50s e=,5", perfs{
			perf("a", 0.5, ""), perf("b", 0.5, ""), perf("c", 5, ""), perf("d", 0.5, "s"), perf("e", 0.5, "")}, nil},
		{"exponents", "a=1.5e+03 b=1E-2 c=2e3B", perfs{perf("a", 1500, ""), perf("b", 0.01, ""), perf("c", 2000, "B")}, nil},
		{"an e without digits is a unit", "a=5EB b=5e c=5e+", perfs{perf("a", 5, "EB"), perf("b", 5, "e"), perf("c", 5, "e+")}, nil},
		{"a comma is never a separator of thousands", "a=1,234 b=12,000,5", perfs{perf("a", 1.234, "")},
			drops{{"b=12,000,5", `the value "12,000,5": ",5" is not a unit`}}},
		{"commas between items", "a=1, b=2", perfs{a1, b2}, nil},
		{"decimal commas everywhere", "t=0,50s;1,5;2,5:3,5;0,0;10,0", perfs{{
			Label: "t", Name: "t", Value: 0.5, Unit: "s", Warn: upTo(1.5), Crit: &nagios.Range{Start: 2.5, End: 3.5}, Min: new(0.0), Max: new(10.0),
		}}, nil},
		{"undetermined", "a=U;10;20", perfs{{Label: "a", Name: "a", Undetermined: true, Warn: upTo(10), Crit: upTo(20)}}, nil},
		{"undetermined is U and nothing else", "a=U% b=Unknown c=2", perfs{perf("c", 2, "")}, drops{
			{"a=U%", `the value "U%": not a number`}, {"b=Unknown", `the value "Unknown": not a number`}}},
		{"units", "a=1% b=1KiB c=1c d=1µs e=1req/s f=1\"", perfs{
			perf("a", 1, "%"), perf("b", 1, "KiB"), perf("c", 1, "c"), perf("d", 1, "µs"), perf("e", 1, "req/s")},
			drops{{`f=1"`, `the value "1\"": "\"" is not a unit`}}},
		{"a unit that is not UTF-8", "a=1\xb5s", perfs{perf("a", 1, "\uFFFDs")}, nil},

		{"ranges", "a=1;10:;~:20 b=2;10:20;@5:6", perfs{
			{Label: "a", Name: "a", Value: 1, Warn: &nagios.Range{Start: 10, End: inf}, Crit: &nagios.Range{Start: -inf, End: 20}},
			{Label: "b", Name: "b", Value: 2, Warn: &nagios.Range{Start: 10, End: 20}, Crit: &nagios.Range{Start: 5, End: 6, Inside: true}},
		}, nil},

		{"a bad range is dropped alone", "a=1;20:10;30;x;9 b=2", perfs{
			{Label: "a", Name: "a", Value: 1, Crit: upTo(30), Max: new(9.0)}, b2,
		}, drops{
			{"a=1;20:10;30;x;9", `warn: the range "20:10" starts at 20, after its end 10`},
			{"a=1;20:10;30;x;9", `min: "x": not a number`},
		}},
		{"fields that nobody has defined", "a=1;;;;;6;7", perfs{a1}, drops{{"a=1;;;;;6;7", `after max: the unknown field "6;7"`}}},
		{"no =", "a=1 junk b=2", perfs{a1, b2}, drops{{"junk", "no = in it"}}},
		{"no value", "a=1 x= b=2", perfs{a1, b2}, drops{{"x=", "no value"}}},
		{"a value that is none", "a=1 x=NaN y=-inf z=0x10 b=2", perfs{a1, b2}, drops{
			{"x=NaN", `the value "NaN": not a number`},
			{"y=-inf", `the value "-inf": not a number`},
			{"z=0x10", `the value "0x10": "x10" is not a unit`},
		}},
		{"a value out of range", "x=1e999 b=2", perfs{b2}, drops{{"x=1e999", `the value "1e999": out of the range of a float64`}}},
		{"an empty label", "=1 ''=2 b=2", perfs{b2}, drops{{"=1", "the label is empty"}, {"''=2", "the label is empty"}}},
		{"a label twice", "a=1 a=2 'a'=3 b=2", perfs{a1, b2}, drops{
			{"a=2", `the label "a" was there before, and the first one counts`},
			{"'a'=3", `the label "a" was there before, and the first one counts`},
		}},
		{"a label again after a bad one", "a=x a=1", perfs{a1}, drops{{"a=x", `the value "x": not a number`}}},
		{"a quote inside a label", "a=1 it's=5 b=2", perfs{a1, b2}, drops{{"it's=5", "a quote in a label that is not quoted"}}},
		{"a quote left open", "a=1 'x y=5 b=2", perfs{a1, perf("y", 5, ""), b2}, drops{{"'x", "the quote of the label is not closed"}}},
		{"a quote left open before a quoted label", "'x a=1 'b c'=2", perfs{a1, perf("b c", 2, "")},
			drops{{"'x", "the quote of the label is not closed"}}},
		{"a quote left open spoils no other line", "a=1 'x\nlong|b=2 'y'=3", perfs{a1, b2, perf("y", 3, "")},
			drops{{"'x", "the quote of the label is not closed"}}},
		{"a quoted label and nothing more", "'a x=1' b=2", perfs{b2}, drops{{"'a x=1'", "no = after the quoted label"}}},
		{"a quoted label without a value", "'x y'= b=2", perfs{b2}, drops{{"'x y'=", "no value"}}},
		{"long items are shortened", strings.Repeat("é", 80) + " b=2", perfs{b2}, drops{{strings.Repeat("é", 50) + "…", "no = in it"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := nagios.Parse([]byte("|" + test.in))
			if diff := cmp.Diff(test.want, out.Perf); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.dropped, out.Dropped); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// 128 KiB of anything take milliseconds; were it quadratic, the better part of a
// minute under the race detector.
func TestParseIsLinear(t *testing.T) {
	const size = 1 << 17
	for _, pattern := range []string{
		"a", "a ", "a=1 ", "'", "' ", "'a ", "''a ", "'''a ", "'a'' ", "' '' ", "'a'b ", ";", "a=;", "=", "|", "\n", "|\n", "\xff ",
		"_x", "_x2", "_x20 ", "a=1e", "1", "a=1,1;", "'a'=1;;;;;;; ",
	} {
		in := []byte("|" + strings.Repeat(pattern, size/len(pattern)))
		for _, in := range [][]byte{in, append([]byte("|'"), in[1:]...), append(in, "=1;1;1"...)} {
			start := time.Now()
			nagios.Message(nagios.Parse(in), 0)
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("%q over and over took %v", pattern, took)
			}
		}
	}
}

const disk = "DISK OK - free space: / 81712MiB (87% inode=97%); /dev/shm 24105MiB (100% inode=99%);" +
	"| /=12111052800B;216442024755;243497277849;0;270552530944 /dev/shm=0B;20220739584;22748332032;0;25275924480\n"

func BenchmarkParse(b *testing.B) {
	b.SetBytes(int64(len(disk)))
	b.ReportAllocs()
	for b.Loop() {
		nagios.Parse([]byte(disk))
	}
}

func BenchmarkMessage(b *testing.B) {
	out := nagios.Parse([]byte(disk))
	b.ReportAllocs()
	for b.Loop() {
		nagios.Message(out, 0)
	}
}
