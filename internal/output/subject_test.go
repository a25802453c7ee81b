package output

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSubjects(t *testing.T) {
	const web = `{"v":3,"time":1,"location":{"host":"web01.example.net","service":"http api","n":5,"none":""},"event":{"name":"disk space"}}`
	tests := []struct{ name, template, line, want string }{
		{"dots and spaces become underscores", defaultSubject, web, "dumbprobe.web01_example_net.disk_space"},
		{"a field can be a part of a token", "a.{host}-{service}.x", web, "a.web01_example_net-http_api.x"},
		{"a field can come twice", "a.{aspect}.{aspect}", web, "a.disk_space.disk_space"},
		{"plain text stays as it is", "plain.text", web, "plain.text"},
		{"what location does not have", "a.{cluster}", web, "a._"},
		{"what is empty", "a.{none}", web, "a._"},
		{"what is no string", "a.{n}", web, "a._"},
		{"a message without the schema", defaultSubject, `{"n":1}`, "dumbprobe._._"},
		{"a location that is a list still has an aspect", defaultSubject, `{"location":[1],"event":{"name":"x"}}`, "dumbprobe._.x"},
		{"an event that is a number still has a location", defaultSubject, `{"location":{"host":"h"},"event":1}`, "dumbprobe.h._"},
		{"no JSON", defaultSubject, `{"location":`, "dumbprobe._._"},
		{"wildcards", defaultSubject, `{"location":{"host":"*"},"event":{"name":"a>b.*"}}`, "dumbprobe._.a_b__"},
		{"tabs, ends of lines, zeros", defaultSubject, `{"location":{"host":"a\tb\r\nc\u0000"},"event":{"name":"\u00a0"}}`, "dumbprobe.a_b__c_._"},
		{"letters of all scripts stay", defaultSubject, `{"location":{"host":"größe"},"event":{"name":"温度"}}`, "dumbprobe.größe.温度"},
		{"a dollar is of no harm behind the first token", defaultSubject, `{"location":{"host":"$JS"},"event":{"name":"API"}}`, "dumbprobe.$JS.API"},
		{"a long value is cut between letters", "a.{host}", `{"location":{"host":"a` + strings.Repeat("é", 200) + `"}}`, "a.a" + strings.Repeat("é", 63)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			template, err := parseSubject(tt.template)
			must(t, err)
			if got := template.subject([]byte(tt.line)); got != tt.want {
				t.Errorf("the subject is %q, want %q", got, tt.want)
			}
		})
	}
}

func TestTheStreamOfATemplateTakesItsSubjects(t *testing.T) {
	for template, want := range map[string]string{
		defaultSubject: "dumbprobe.*.*", "a": "a", "a.b-{host}.c": "a.*.c", "a.{x}{y}": "a.*",
	} {
		got, err := parseSubject(template)
		if err != nil || got.filter != want {
			t.Errorf("%s: %q, %v, want %q", template, got.filter, err, want)
		}
	}
}

func TestTemplatesThatAreNone(t *testing.T) {
	for template, want := range map[string]string{
		"":                                 "has an empty part",
		"a..b":                             "has an empty part",
		".a":                               "has an empty part",
		"a.":                               "has an empty part",
		"{host}.a":                         "begins with a field",
		"x{host}.a":                        "begins with a field",
		"$JS.API":                          `begins with "$"`,
		"_INBOX.{host}":                    `begins with "_"`,
		"a.*":                              `has '*', which cannot be in a subject`,
		"a.>":                              `has '>', which cannot be in a subject`,
		"a b":                              `has ' ', which cannot be in a subject`,
		"a.\xff":                           "which cannot be in a subject",
		"a.{host":                          "has a { without a }",
		"a.host}":                          "has a } without a {",
		"a.{}":                             "has the field {}",
		"a.{a-b}":                          "has the field {a-b}",
		"a.{a.b}":                          "has a { without a }",
		strings.Repeat("a", maxTemplate+1): "at most 256 are possible",
		"a." + strings.Repeat("{x}", 9):    "has 9 fields; at most 8 are possible",
	} {
		if _, err := parseSubject(template); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: the error is %v, want %q", template, err, want)
		}
	}
}

func FuzzSubject(f *testing.F) {
	for _, template := range []string{defaultSubject, "a.{x}-{y}", "a.{x", "$JS.{x}"} {
		for _, line := range []string{`{"location":{"x":"a.b","host":"*"},"event":{"name":">"}}`, `{"event":[]}`, "x", `{"location":{"x":"\ud800"}}`} {
			f.Add(template, line)
		}
	}
	f.Fuzz(func(t *testing.T, template, line string) {
		parsed, err := parseSubject(template)
		if err != nil {
			return
		}
		subject := parsed.subject([]byte(line))
		if len(subject) > maxTemplate+maxFields*maxField || !utf8.ValidString(subject) {
			t.Errorf("the subject %q is too long, or broken", subject)
		}
		tokens, filter := strings.Split(subject, "."), strings.Split(parsed.filter, ".")
		if len(tokens) != len(filter) {
			t.Fatalf("the stream takes %s, and the subject is %s", parsed.filter, subject)
		}
		for i, token := range tokens {
			if token == "" || strings.ContainsAny(token, "*> \t\r\n\x00") || filter[i] != "*" && filter[i] != token {
				t.Errorf("the stream takes %s, and the subject is %q", parsed.filter, subject)
			}
		}
	})
}
