package output

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the tables of docs/delivery.md")

const deliveryPage = "../../docs/delivery.md"

// tables are those of docs/delivery.md.
func tables() string {
	var b strings.Builder
	b.WriteString("\n| address | a message is | delivered when it has it |\n|---|---|---|\n")
	for _, scheme := range Schemes() {
		k := kinds[scheme]
		confirms := string(k.confirms)
		if confirms == "" {
			confirms = "nobody"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.form, k.doc, confirms)
	}
	b.WriteString("\n| option | of | |\n|---|---|---|\n")
	row := func(of string, o option) {
		var notes []string
		if o.required {
			notes = append(notes, "required")
		}
		if o.secret {
			notes = append(notes, "secret")
		}
		if o.where {
			notes = append(notes, "part of the destination's name")
		}
		doc := o.doc
		if len(notes) > 0 {
			doc += "; " + strings.Join(notes, ", ")
		}
		fmt.Fprintf(&b, "| `%s=%s` | %s | %s |\n", o.name, strings.ReplaceAll(o.value, "|", `\|`), of, strings.ReplaceAll(doc, "|", `\|`))
	}
	for _, o := range everyOption {
		row("all", o)
	}
	// An option that several kinds share is said once.
	done := map[string]bool{}
	for _, scheme := range Schemes() {
		for _, o := range kinds[scheme].options {
			var of []string
			for _, other := range Schemes() {
				for _, p := range kinds[other].options {
					if p.name == o.name && p.doc == o.doc {
						of = append(of, other)
					}
				}
			}
			if key := o.name + o.doc; !done[key] {
				done[key] = true
				row(strings.Join(of, ", "), o)
			}
		}
	}
	b.WriteString("\n")
	return b.String()
}

func TestTheKindsAreDocumented(t *testing.T) {
	page, err := os.ReadFile(deliveryPage)
	must(t, err)
	const begin, end = "<!-- kinds -->\n", "<!-- /kinds -->\n"
	before, rest, found := strings.Cut(string(page), begin)
	inside, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no marks for the tables", deliveryPage)
	}
	if *update {
		must(t, os.WriteFile(deliveryPage, []byte(before+begin+tables()+end+after), 0o644))
	} else if diff := cmp.Diff(tables(), inside); diff != "" {
		t.Errorf("docs/delivery.md differs from the register; -update writes it (-want +got):\n%s", diff)
	}
	for _, scheme := range Schemes() {
		if !strings.Contains(after, "\n### "+scheme+"\n") && !strings.Contains(after, "\n### "+scheme+" and ") && !strings.Contains(after, " and "+scheme+"\n") {
			t.Errorf("docs/delivery.md has no section %q that says what is promised", "### "+scheme)
		}
	}
	for _, reason := range []string{DropSpoolFull, DropTooLarge, DropRefused, DropShutdown} {
		if !strings.Contains(after, "| `"+reason+"` |") {
			t.Errorf("docs/delivery.md does not explain the reason %q", reason)
		}
	}
}

func TestEveryOptionIsExplained(t *testing.T) {
	for _, scheme := range Schemes() {
		k := kinds[scheme]
		if k.doc == "" {
			t.Errorf("kind %s has no text", scheme)
		}
		seen := map[string]bool{}
		for _, o := range k.all() {
			if o.doc == "" || o.value == "" || strings.HasSuffix(o.doc, ".") {
				t.Errorf("option %s of %s: the text is missing, or ends in a full stop", o.name, scheme)
			}
			if seen[o.name] {
				t.Errorf("option %s of %s is there twice", o.name, scheme)
			}
			seen[o.name] = true
		}
	}
}
