package message_test

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"dumbprobe/internal/message"
)

func TestAppendNumber(t *testing.T) {
	for _, test := range []struct {
		name string
		in   float64
		want string
	}{
		{"zero", 0, "0"},
		{"minus zero is zero", math.Copysign(0, -1), "0"},
		{"integers have no fraction", 3205629, "3205629"},
		{"negative integers too", -7, "-7"},
		{"a unix time", 1376261660, "1376261660"},
		{"integers have no exponent up to 2^53", 1 << 53, "9007199254740992"},
		{"and down to -2^53", -(1 << 53), "-9007199254740992"},
		{"1e15 is written out", 1e15, "1000000000000000"},
		{"beyond 2^53 the shortest form has an exponent", 1 << 54, "1.8014398509481984e16"},
		{"1e300", 1e300, "1e300"},
		{"the greatest float", math.MaxFloat64, "1.7976931348623157e308"},
		{"the least float", math.SmallestNonzeroFloat64, "5e-324"},
		{"fractions are the shortest", 0.1, "0.1"},
		{"fractions of large numbers", 3205629.35, "3205629.35"},
		{"small fractions", 0.000092, "0.000092"},
		{"the smallest plain fraction", 1e-6, "0.000001"},
		{"below 1e-6 there is an exponent without padding", 1.5e-7, "1.5e-7"},
		{"negative fractions", -2.5, "-2.5"},
		{"negative exponents", -1e-9, "-1e-9"},
		{"two-digit exponents", 1e-10, "1e-10"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, ok := message.AppendNumber([]byte("x"), test.in)
			if !ok || string(got) != "x"+test.want {
				t.Errorf("got %s, %v, want x%s", got, ok, test.want)
			}
		})
	}
}

// Numbers of up to six decimals have a way of their own: they are what strconv makes of them.
func TestAppendNumberOfMillionthsIsTheShortest(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		f := math.Ldexp(random.Float64(), random.IntN(56)-20)
		switch random.IntN(3) {
		case 0:
			f = math.Round(f*1e6) / 1e6
		case 1:
			f = math.Nextafter(math.Round(f*1e6)/1e6, math.Inf(random.IntN(2)*2-1))
		}
		if f < 1e-6 || f == math.Trunc(f) {
			continue
		}
		for _, v := range []float64{f, -f} {
			if got, _ := message.AppendNumber(nil, v); string(got) != strconv.FormatFloat(v, 'f', -1, 64) {
				t.Fatalf("got %s, want %s", got, strconv.FormatFloat(v, 'f', -1, 64))
			}
		}
	}
}

func TestAppendNumberRefusesWhatJSONLacks(t *testing.T) {
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if got, ok := message.AppendNumber([]byte("x"), f); ok || string(got) != "x" {
			t.Errorf("%v: %s, %v", f, got, ok)
		}
	}
}

func FuzzAppendNumberReadsBackTheSame(f *testing.F) {
	for _, v := range []float64{0, 1, -1, 0.1, 1 << 53, 1<<53 + 2, 1e-7, 1e21, math.MaxFloat64, math.NaN(), math.Inf(1)} {
		f.Add(math.Float64bits(v))
	}
	f.Fuzz(func(t *testing.T, bits uint64) {
		v := math.Float64frombits(bits)
		got, ok := message.AppendNumber(nil, v)
		if !ok {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				t.Fatalf("%v was refused", v)
			}
			return
		}
		if !json.Valid(got) {
			t.Fatalf("%v: %s is not JSON", v, got)
		}
		if back, err := strconv.ParseFloat(string(got), 64); err != nil || back != v {
			t.Fatalf("%v: %s reads back as %v, %v", v, got, back, err)
		}
		if abs := math.Abs(v); abs >= 1e-6 && abs < 1<<53 && string(got) != strconv.FormatFloat(v, 'f', -1, 64) {
			t.Fatalf("%v is written as %s, which is not the shortest", v, got)
		}
		if v == math.Trunc(v) && math.Abs(v) <= 1<<53 && bytes.ContainsAny(got, ".eE") {
			t.Fatalf("the integer %v is written as %s", v, got)
		}
	})
}

func TestAppendString(t *testing.T) {
	for _, test := range []struct {
		name, in, want string
	}{
		{"empty", "", `""`},
		{"plain", "disk space", `"disk space"`},
		{"quote and backslash", `a"b\c`, `"a\"b\\c"`},
		{"slash is left alone", "/var/log", `"/var/log"`},
		{"no HTML escapes", "<a & b>", `"<a & b>"`},
		{"control characters with a short form", "\b\f\n\r\t", `"\b\f\n\r\t"`},
		{"other control characters", "\x00\x1b\x1f", `"\u0000\u001b\u001f"`},
		{"DEL is no control character of JSON", "\x7f", "\"\x7f\""},
		{"line separators", "a\u2028b\u2029", `"a\u2028b\u2029"`},
		{"neighbours of the line separators", "\u2027\u202a", "\"\u2027\u202a\""},
		{"text beyond ASCII", "żółw 🐢", `"żółw 🐢"`},
		{"a real replacement character", "\uFFFD", "\"\uFFFD\""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, ok := message.AppendString([]byte("x"), test.in)
			if !ok || string(got) != "x"+test.want {
				t.Errorf("got %s, %v, want x%s", got, ok, test.want)
			}
		})
	}
}

func TestAppendStringRefusesWhatIsNotUTF8(t *testing.T) {
	for _, s := range []string{"\xff", "abc\xc3", "\xed\xa0\x80" /* a surrogate */, "\xc0\x80" /* overlong */, "\n\x80"} {
		if got, ok := message.AppendString([]byte("x"), s); ok || string(got) != "x" {
			t.Errorf("%q: %s, %v", s, got, ok)
		}
	}
}

func FuzzAppendStringRoundTrip(f *testing.F) {
	for _, s := range []string{"", "plain", "a\"\\\n\x00", "<&>", "\u2028\u2029", "żółw", "\xff", "\uFFFD"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := message.AppendString(nil, s)
		if ok != utf8.ValidString(s) {
			t.Fatalf("%q: ok is %v", s, ok)
		}
		if !ok {
			return
		}
		var back string
		if err := json.Unmarshal(got, &back); err != nil || back != s {
			t.Fatalf("%q: %s reads back as %q, %v", s, got, back, err)
		}
		if strings.ContainsAny(string(got), "\n\r\u2028\u2029") {
			t.Fatalf("%q: %q is not one line", s, got)
		}
	})
}
