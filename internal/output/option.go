package output

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agnivade/levenshtein"
)

// option is one that an address may carry at its end, as in tls:HOST:PORT?ca=PATH. Its value is percent-encoded
// where it contains & or %; unlike in a form, a plus sign stands for itself.
type option struct {
	name  string
	value string // how the value is written: PATH, N, DURATION, yes|no
	doc   string // what it does, and its default: one sentence without a full stop

	// check says what is wrong with a value. The text follows the value in the error, as in `is not a number`;
	// nil lets everything pass that is not empty.
	check func(value string) error

	required bool
	secret   bool // never shown; the error of its check must not show it either
	where    bool // it says where the lines go: another value makes it another destination
	login    bool // it names a file with what proves who we are
}

// hidden stands for a secret value.
const hidden = "***"

// everyOption are the options that all kinds take. It is never written to.
var everyOption = []option{
	{
		name: "catch_up", value: "N", check: wholeNumber(0, 1_000_000),
		doc: "lines a second, at most, while the oldest that waits is older than 10 s; 0: no limit (10000)",
	},
}

// all returns the options of a kind, its own ones first.
func (k kind) all() []option { return slices.Concat(k.options, everyOption) }

func (k kind) option(name string) (option, bool) {
	for _, o := range k.all() {
		if o.name == name {
			return o, true
		}
	}
	return option{}, false
}

// parseOptions reads what follows the question mark of an address.
func (k kind) parseOptions(scheme, query string) (map[string]string, error) {
	options := map[string]string{}
	for part := range strings.SplitSeq(query, "&") {
		name, value, ok := strings.Cut(part, "=")
		if name == "" {
			return nil, errors.New("after the ? come options, as name=value&name=value; a name is missing")
		}
		if _, known := k.option(name); !known {
			return nil, k.unknownOption(scheme, name)
		}
		if !ok {
			return nil, fmt.Errorf("option %s has no value; written %s=VALUE", name, name)
		}
		if _, twice := options[name]; twice {
			return nil, fmt.Errorf("option %s is given twice", name)
		}
		decoded, err := url.PathUnescape(value)
		if err != nil {
			return nil, fmt.Errorf("option %s: its value has a %% that two hexadecimal digits do not follow; a %% itself is written %%25", name)
		}
		options[name] = decoded
	}
	return options, nil
}

// checkOptions checks decoded options.
func (k kind) checkOptions(scheme string, options map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(options)) {
		o, known := k.option(name)
		if !known {
			return k.unknownOption(scheme, name)
		}
		value := options[name]
		if value == "" {
			return fmt.Errorf("option %s has no value; written %s=%s", name, name, o.value)
		}
		if strings.ContainsAny(value, "\x00\n") {
			return fmt.Errorf("option %s: its value contains a zero byte or a line's end", name)
		}
		if o.check == nil {
			continue
		}
		if err := o.check(value); err != nil {
			if o.secret {
				value = hidden
			}
			return fmt.Errorf("option %s: %q %w", name, value, err)
		}
	}
	for _, o := range k.all() {
		if _, given := options[o.name]; o.required && !given {
			return fmt.Errorf("option %s is missing: %s; written ?%s=%s", o.name, o.doc, o.name, o.value)
		}
	}
	return nil
}

func (k kind) unknownOption(scheme, name string) error {
	names := k.optionNames()
	nearest, distance := "", 4
	for _, o := range k.all() {
		if d := levenshtein.ComputeDistance(strings.ToLower(name), o.name); d < distance && d < max(len(name), len(o.name)) {
			nearest, distance = o.name, d
		}
	}
	if len(names) == 0 {
		return fmt.Errorf("unknown option %q; %s takes none", name, scheme)
	}
	hint := ""
	if nearest != "" {
		hint = fmt.Sprintf(", did you mean %q?", nearest)
	}
	return fmt.Errorf("unknown option %q%s; the options of %s are %s", name, hint, scheme, strings.Join(names, ", "))
}

// optionNames returns the names of all options, sorted.
func (k kind) optionNames() (names []string) {
	for _, o := range k.all() {
		names = append(names, o.name)
	}
	slices.Sort(names)
	return names
}

// tailOptions writes options as parseOptions reads them, in the order of their names.
func (k kind) tailOptions(options map[string]string, show func(o option, value string) (string, bool)) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(options)) {
		o, _ := k.option(name)
		if value, ok := show(o, options[name]); ok {
			parts = append(parts, name+"="+escapeValue(value))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "?" + strings.Join(parts, "&")
}

// readable undoes what url.QueryEscape does beyond need.
var readable = strings.NewReplacer("+", "%20", "%2F", "/", "%3A", ":", "%2C", ",", "%2A", "*", "%7B", "{", "%7D", "}")

func escapeValue(s string) string { return readable.Replace(url.QueryEscape(s)) }

// The accessors below are for open functions: checkOptions has let the values through.

// option returns an option's value, or otherwise.
func (a Address) option(name, otherwise string) string {
	if value, ok := a.Options[name]; ok {
		return value
	}
	return otherwise
}

// number returns the value of an option that wholeNumber has checked.
func (a Address) number(name string, otherwise int) int {
	n, err := strconv.Atoi(a.option(name, strconv.Itoa(otherwise)))
	if err != nil {
		return otherwise
	}
	return n
}

// duration returns the value of an option that timeBetween has checked.
func (a Address) duration(name string, otherwise time.Duration) time.Duration {
	d, err := time.ParseDuration(a.option(name, otherwise.String()))
	if err != nil {
		return otherwise
	}
	return d
}

// yes returns the value of an option that yesOrNo has checked.
func (a Address) yes(name string) bool { return a.option(name, "no") == "yes" }

// Checks of values.

func wholeNumber(least, most int) func(string) error {
	return func(s string) error {
		if n, err := strconv.Atoi(s); err != nil || n < least || n > most {
			return fmt.Errorf("is not a whole number from %d to %d", least, most)
		}
		return nil
	}
}

func timeBetween(least, most time.Duration) func(string) error {
	return func(s string) error {
		if d, err := time.ParseDuration(s); err != nil || d < least || d > most {
			return fmt.Errorf("is not a time from %v to %v, as 500ms, 30s or 2m", least, most)
		}
		return nil
	}
}

func oneOf(values ...string) func(string) error {
	return func(s string) error {
		if !slices.Contains(values, s) {
			return fmt.Errorf("is none of %s", strings.Join(values, ", "))
		}
		return nil
	}
}

var yesOrNo = oneOf("yes", "no")
