package nagios_test

import (
	"strings"
	"testing"

	"dumbprobe/internal/message"
	"dumbprobe/internal/nagios"
)

func TestName(t *testing.T) {
	for _, test := range []struct {
		why, label, want string
	}{
		{"valid names stay", "load1", "load1"},
		{"valid names stay", "rta", "rta"},
		{"valid names stay", "snake_case", "snake_case"},
		{"valid names stay", "UPPER_1", "UPPER_1"},
		{"valid names stay", "_", "_"},
		{"valid names stay", "_private_", "_private_"},
		{"valid names stay", "root", "root"},
		{"the root of the file systems", "/", "_root"},
		{"what looks like it", "_root", "_x5f_root"},
		{"what only begins like it", "_roots", "_roots"},
		{"paths", "/var/log", "__var__log"},
		{"slashes alone", "//", "____"},
		{"a space", "a b", "a_x20_b"},
		{"an underscore", "a_b", "a_b"},
		{"a run is one escape", "time (s)", "time_x2028_s_x29_"},
		{"dots and dashes", "eth0.in-octets", "eth0_x2e_in_x2d_octets"},
		{"drives", `C:\`, "C_x3a5c_"},
		{"a slash in a run", "a: /b", "a_x3a20___b"},
		{"percent", "cpu%", "cpu_x25_"},
		{"beyond ASCII", "é", "_xc3a9_"},
		{"not UTF-8", "a\xff", "a_xff_"},
		{"a quote", "it's", "it_x27_s"},
		{"two underscores would be a slash", "a__b", "a_x5f__b"},
		{"three underscores", "___", "_x5f5f__"},
		{"an underscore before a slash", "_/", "_x5f___"},
		{"an underscore after a slash", "/_", "___"},
		{"an underscore before an escape", "a_ b", "a_x5f20_b"},
		{"what looks like an escape", "a_x20_b", "a_x5f_x20_b"},
		{"before another escape", "_x20 ", "_x5f_x20_x20_"},
		{"what does not quite: no end", "_x20", "_x20"},
		{"what does not quite: odd digits", "_x2_b", "_x2_b"},
		{"what does not quite: three digits", "_x200_b", "_x200_b"},
		{"what does not quite: upper case", "_x2F_b", "_x2F_b"},
		{"what does not quite: no digits", "_x_b", "_x_b"},
	} {
		t.Run(test.why+" "+test.label, func(t *testing.T) {
			got := nagios.Name(test.label)
			if got != test.want {
				t.Errorf("Name(%q) = %s, want %s", test.label, got, test.want)
			}
			if back := labelOf(got); back != test.label {
				t.Errorf("%s reads back as %q, want %q", got, back, test.label)
			}
		})
	}
}

// labelOf is the inverse of Name, written from its documentation.
func labelOf(name string) string {
	if name == "_root" {
		return "/"
	}
	var label strings.Builder
	for name != "" {
		if rest, found := strings.CutPrefix(name, "__"); found {
			label.WriteByte('/')
			name = rest
			continue
		}
		if digits, rest, found := cutEscape(name); found {
			for i := 0; i < len(digits); i += 2 {
				const hex = "0123456789abcdef"
				label.WriteByte(byte(strings.IndexByte(hex, digits[i])<<4 | strings.IndexByte(hex, digits[i+1])))
			}
			name = rest
			continue
		}
		label.WriteByte(name[0])
		name = name[1:]
	}
	return label.String()
}

func cutEscape(name string) (digits, rest string, found bool) {
	after, found := strings.CutPrefix(name, "_x")
	if !found {
		return "", "", false
	}
	digits, rest, found = strings.Cut(after, "_")
	if !found || digits == "" || len(digits)%2 != 0 || strings.Trim(digits, "0123456789abcdef") != "" {
		return "", "", false
	}
	return digits, rest, true
}

// All labels up to a length, over the characters that the rule is about.
func TestNameOfAllShortLabelsIsTheirOwn(t *testing.T) {
	const alphabet = "_x2fa/ "
	labels := []string{""}
	seen := map[string]string{}
	for range 6 {
		var longer []string
		for _, label := range labels {
			for i := range len(alphabet) {
				longer = append(longer, label+alphabet[i:i+1])
			}
		}
		for _, label := range longer {
			name := nagios.Name(label)
			if other, taken := seen[name]; taken {
				t.Fatalf("%q and %q are both %s", label, other, name)
			}
			seen[name] = label
			if !message.ValidName(name) || labelOf(name) != label {
				t.Fatalf("%q: %s reads back as %q", label, name, labelOf(name))
			}
		}
		labels = longer
	}
}

func FuzzNameIsItsLabelsOwn(f *testing.F) {
	for _, pair := range [][2]string{
		{"/", "_root"}, {"_root", "_x5f_root"}, {"a b", "a_b"}, {"a b", "a_x20_b"}, {"a__b", "a/b"},
		{"_x2f", "_/"}, {"é", "_xc3a9_"}, {"_x20 ", " _x20"}, {"\xff", "\uFFFD"}, {"_", "__"},
	} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, label := range []string{a, b} {
			name := nagios.Name(label)
			if message.ValidName(name) != (label != "") {
				t.Fatalf("%q: %q", label, name)
			}
			if back := labelOf(name); back != label {
				t.Fatalf("%q: %s reads back as %q", label, name, back)
			}
			if message.ValidName(label) && label != "_root" && !strings.Contains(label, "__") &&
				!strings.Contains(label, "_x") && name != label {
				t.Fatalf("%q became %s", label, name)
			}
		}
		if a != b && nagios.Name(a) == nagios.Name(b) {
			t.Fatalf("%q and %q are both %s", a, b, nagios.Name(a))
		}
	})
}

func BenchmarkName(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		nagios.Name("load15")
		nagios.Name("/var/log")
		nagios.Name("time (s)")
	}
}
