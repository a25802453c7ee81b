package output

import (
	"strings"
	"testing"
)

func tagTemplate(t testing.TB, template string) fluentTagTemplate {
	t.Helper()
	tag, err := parseFluentTag(template)
	if err != nil {
		t.Fatal(err)
	}
	return tag
}

func TestFluentTag(t *testing.T) {
	const line = `{"location":{"host":"web01.example.net","n":1,"empty":"","ort":"Köln"},"event":{"name":"disk space"}}`
	tests := []struct{ name, template, line, tag, err string }{
		{"text", "dumbprobe", line, "dumbprobe", ""},
		{"aspect and host, whose dots would be parts", "dp.{host}.{aspect}", line, "dp.web01_example_net.disk_space", ""},
		{"two in a row", "{host}{aspect}", line, "web01_example_netdisk_space", ""},
		{"letters that are not of ASCII", "dp.{ort}", line, "dp.K_ln", ""},
		{"what is not there", "dp.{rack}.x", line, "dp.unknown.x", ""},
		{"what is empty, or is no string", "dp.{empty}.{n}", line, "dp.unknown.unknown", ""},
		{"a message of another shape", "dp.{host}.{aspect}", `{"location":7,"event":{"name":"x"}}`, "dp.unknown.x", ""},
		{"no message at all", "dp.{host}.{aspect}", `x`, "dp.unknown.unknown", ""},
		{"a value that is too long", "dp.{aspect}", `{"event":{"name":"` + strings.Repeat("a", 300) + `"}}`, "dp." + strings.Repeat("a", maxField), ""},
		{
			"one that is too long", "{aspect}.{aspect}", `{"event":{"name":"` + strings.Repeat("a", 300) + `"}}`,
			strings.Repeat("a", maxField) + "." + strings.Repeat("a", fluentTagMax-maxField-1), "",
		},
		{"an open brace", "dp.{host", "", "", "has a { without a }"},
		{"a closed brace", "dp.host}", "", "", `has a } without a {`},
		{"empty braces", "dp.{}", "", "", "has the field {}"},
		{"a space", "dumb probe", "", "", `has ' ', which cannot be in a tag: it consists of`},
		{"a key that no location can have", "dp.{the-host}", "", "", `has the field {the-host}`},
		{"an empty part", "dp..x", "", "", "has an empty part"},
		{"an empty part at the end", "{host}.", "", "", "has an empty part"},
		{"too much", strings.Repeat("x", 257), "", "", "has 257 bytes; at most 256"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseAddress("fluent:h:1?tag=" + tt.template)
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Fatalf("the error is %v, want %q", err, tt.err)
			}
			if err == nil {
				if got := tagTemplate(t, tt.template).of([]byte(tt.line)); got != tt.tag {
					t.Errorf("the tag is %q, want %q", got, tt.tag)
				}
			}
		})
	}
}

func FuzzFluentTag(f *testing.F) {
	f.Add("dp.{host}.{aspect}", `{"location":{"host":"web01.example.net"},"event":{"name":"disk space"}}`)
	f.Fuzz(func(t *testing.T, template, line string) {
		parsed, err := parseFluentTag(template)
		if err != nil {
			return
		}
		tag := parsed.of([]byte(line))
		if tag == "" || len(tag) > fluentTagMax {
			t.Errorf("the tag %q has %d bytes", tag, len(tag))
		}
		parts := strings.Split(tag, ".")
		if want := strings.Count(template, ".") + 1; len(parts) != want && len(tag) < fluentTagMax {
			t.Errorf("the tag %q of %q has %d parts", tag, template, len(parts))
		}
		for i, part := range parts {
			cut := len(tag) == fluentTagMax && i == len(parts)-1
			if part == "" && !cut || strings.ContainsFunc(part, func(r rune) bool { return !inTag(r) }) {
				t.Errorf("the tag %q of %q", tag, template)
			}
		}
	})
}
