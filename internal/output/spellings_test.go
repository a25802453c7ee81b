package output

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

// eachByte has a form for each byte of a text.
func eachByte(format string) func(string) string {
	return func(s string) string {
		var b strings.Builder
		for i := range len(s) {
			fmt.Fprintf(&b, format, s[i])
		}
		return b.String()
	}
}

func inJSON(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(text[1 : len(text)-1])
}

// inUTF16 is JSON in ASCII, all of it escaped.
func inUTF16(s string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(s)) {
		fmt.Fprintf(&b, `\u%04X`, unit)
	}
	return b.String()
}

// echoes are the ways in which a peer may say again what it was sent. Those of texts alone need UTF-8.
var echoes = []struct {
	name  string
	text  bool
	spell func(string) string
}{
	{"as it is", false, func(s string) string { return s }},
	{"JSON", true, inJSON},
	{"JSON without <>&", true, func(s string) string {
		return strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">").Replace(inJSON(s))
	}},
	{"JSON with slashes escaped", true, func(s string) string { return strings.ReplaceAll(inJSON(s), "/", `\/`) }},
	{"JSON in ASCII", true, inUTF16},
	{"JSON in JSON", true, func(s string) string { return inJSON(inJSON(s)) }},
	{"JSON of what was read as ISO 8859-1", false, eachByte(`\u%04x`)},
	{"Go", false, func(s string) string { q := fmt.Sprintf("%+q", s); return q[1 : len(q)-1] }},
	{"bytes of Python", false, eachByte(`\x%02x`)},
	{"HTML", false, html.EscapeString},
	{"HTML in numbers", true, func(s string) string {
		var b strings.Builder
		for _, r := range s {
			fmt.Fprintf(&b, "&#%d;", r)
		}
		return b.String()
	}},
	{"HTML in hexadecimal numbers", true, func(s string) string {
		var b strings.Builder
		for _, r := range s {
			fmt.Fprintf(&b, "&#x%X;", r)
		}
		return b.String()
	}},
	{"HTML in JSON", true, func(s string) string { return inJSON(html.EscapeString(s)) }},
	{"a query", false, url.QueryEscape},
	{"a path", false, url.PathEscape},
	{"a path that stays one", false, func(s string) string { return (&url.URL{Path: s}).EscapedPath() }},
	{"a URL in capitals", false, eachByte("%%%02X")},
	{"a URL in small letters", false, eachByte("%%%02x")},
	{"a URL in a URL", false, func(s string) string { return url.QueryEscape(url.QueryEscape(s)) }},
	{"a URL in HTML", false, func(s string) string { return html.EscapeString(url.PathEscape(s)) }},
	{"Base64", false, func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }},
	{"Base64 for URLs", false, func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }},
	{"Base64 in a URL", false, func(s string) string { return url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(s))) }},
}

const longSecret = `p"ss/w&rd+<'sesame' %41\ü😀?~` + "\xe9"

func TestSecretsAreHiddenInEachSpelling(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{longSecret, strings.ToValidUTF8(longSecret, ""), "swordfish", "a/b+", "ab?d", "x y z", "&amp;", `\u0041`, "%2541", "\xff\xfe\xfd\xfc"} {
		for _, e := range echoes {
			if e.text && !utf8.ValidString(secret) {
				continue
			}
			got := string(newSecrets(secret).hide([]byte("no entry for " + e.spell(secret) + ", sorry")))
			if e.name == "Base64" || e.name == "Base64 in a URL" {
				got = strings.NewReplacer("=", "", "%3D", "").Replace(got)
			}
			if got != "no entry for ***, sorry" {
				t.Errorf("%q in %s is shown as %q", secret, e.name, got)
			}
		}
	}
}

func TestSecretsAreHiddenInBase64OfMore(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"sesame??>>~~", "swor"} {
		for _, before := range []string{"", "a", "ab", "abc"} {
			for _, after := range []string{"", "x", "xy", "xyz"} {
				for _, alphabet := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
					got := string(newSecrets(secret).hide([]byte(alphabet.EncodeToString([]byte(before + secret + after)))))
					rest := strings.Split(got, hidden)
					if len(rest) != 2 || len(rest[0]) > 4 || len(rest[1]) > len("Jh5eXo=") {
						t.Errorf("%q between %q and %q is shown as %s", secret, before, after, got)
					}
				}
			}
		}
	}
}

func TestPartsOfSecretsAreHidden(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text, want string
		secrets          []string
	}{
		{"no secrets", "HTTP 400", "HTTP 400", nil},
		{"an empty secret", "HTTP 400", "HTTP 400", []string{""}},
		{"no text", "", "", []string{"sesame"}},
		{"all of the text", "sesame", "***", []string{"sesame"}},
		{"twice, and two", "a sesame b sesame c key1", "a *** b *** c ***", []string{"sesame", "key1"}},
		{"one beside the other", "sesamekey1", "***", []string{"sesame", "key1"}},
		{"one in the other", "open sesame", "***", []string{"sesame", "open sesame"}},
		{"overlapping", "sesamesame", "***", []string{"sesame", "samesame"}},
		{"what is too short", "the cat concatenates", "the cat concatenates", []string{"cat"}},
		{"a beginning and an end", "begins 0123456789..., ends ...6789abcdef", "begins ***..., ends ...***", []string{"0123456789abcdef"}},
		{"less than a part", "0123456 of it", "0123456 of it", []string{"0123456789abcdef"}},
		{"cut in an escape", `0123\u00345\u00367\u00`, `***\u00`, []string{"0123456789abcdef"}},
		{"cut in Base64", "MDEyMzQ1Njc4", "***", []string{"0123456789abcdef"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(newSecrets(tt.secrets...).hide([]byte(tt.text))); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// In none of the spellings a secret is left, nor a part of it that is long enough.
func FuzzSecrets(f *testing.F) {
	f.Add("sesame", uint8(0), uint8(255))
	f.Add(longSecret, uint8(3), uint8(14))
	f.Fuzz(func(t *testing.T, secret string, from, to uint8) {
		if len(secret) < leastSecret || !validValue(secret) || strings.Contains(secret, "*") { // * stands for what is hidden
			return
		}
		part := secret[min(int(from), len(secret)):]
		part = part[:min(int(to), len(part))]
		if part != secret && len(part) < leastPart {
			return
		}
		for _, e := range echoes {
			if e.text && !utf8.ValidString(part) {
				continue
			}
			spelled := e.spell(part)
			if strings.HasPrefix(e.name, "Base64") { // parts have their own ends, and what fills the last group is no secret
				spelled = strings.TrimRight(strings.ReplaceAll(e.spell(secret), "%3D", ""), "=")
			}
			text := string(newSecrets(secret).hide([]byte("(" + spelled + ")")))
			if strings.Contains(text, part) || strings.Contains(text, spelled) {
				t.Errorf("%q in %s is shown: %q, hex %s", part, e.name, text, hex.EncodeToString([]byte(text)))
			}
		}
	})
}
