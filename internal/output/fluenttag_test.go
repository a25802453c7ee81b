package output

import (
	"strings"
	"testing"
)

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
		{"one that is too long", "dp.{aspect}", `{"event":{"name":"` + strings.Repeat("a", 300) + `"}}`, "dp." + strings.Repeat("a", 252), ""},
		{"an open brace", "dp.{host", "", "", "has a brace that is never closed"},
		{"a closed brace", "dp.host}", "", "", `contains '}'`},
		{"empty braces", "dp.{}", "", "", "has {}"},
		{"a space", "dumb probe", "", "", `contains ' '`},
		{"a key that no location can have", "dp.{the-host}", "", "", `has "the-host" in braces`},
		{"an empty part", "dp..x", "", "", "has an empty part"},
		{"an empty part at the end", "{host}.", "", "", "has an empty part"},
		{"too much", strings.Repeat("x", 256), "", "", "has 256 bytes; at most 255"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseAddress("fluent:h:1?tag=" + tt.template)
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Fatalf("the error is %v, want %q", err, tt.err)
			}
			if err == nil {
				if got := parseFluentTag(tt.template).of([]byte(tt.line)); got != tt.tag {
					t.Errorf("the tag is %q, want %q", got, tt.tag)
				}
			}
		})
	}
}
