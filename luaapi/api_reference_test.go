package luaapi

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const regenerate = "run: go generate ./luaapi"

// checkGenerated compares a file of the repository with what is made of the table now.
func checkGenerated(t *testing.T, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Errorf("%v; %s", err, regenerate)
		return
	}
	if bytes.Equal(got, want) {
		return
	}
	is, should := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(is), len(should)) {
		if is[i] != should[i] {
			t.Errorf("%s:%d does not fit the table of the Lua API; %s\n is     %s\n should %s", path, i+1, regenerate, is[i], should[i])
			return
		}
	}
	t.Errorf("%s has %d lines, not the %d made of the table of the Lua API; %s", path, len(is), len(should), regenerate)
}

func TestReferenceIsUpToDate(t *testing.T) {
	checkGenerated(t, filepath.Join("..", "docs", "reference.md"), Reference())
}

var (
	headingLine = regexp.MustCompile(`(?m)^#+ (.+)$`)
	linkTarget  = regexp.MustCompile(`\]\(#([^)]*)\)`)
	codeBlock   = regexp.MustCompile("(?s)```.*?```")
)

// Every link leads to a heading, and no two headings have one anchor.
func TestReferenceLinks(t *testing.T) {
	text := codeBlock.ReplaceAllString(string(Reference()), "")
	headings := map[string]string{}
	for _, m := range headingLine.FindAllStringSubmatch(text, -1) {
		at := anchor(m[1])
		if other, ok := headings[at]; ok {
			t.Errorf("the headings %q and %q have one anchor, #%s", other, m[1], at)
		}
		headings[at] = m[1]
	}
	for _, m := range linkTarget.FindAllStringSubmatch(text, -1) {
		if _, ok := headings[m[1]]; !ok {
			t.Errorf("a link leads to #%s, and no heading has that anchor", m[1])
		}
	}
}

// A table row has as many cells as its head, whatever is in the cells.
func TestReferenceTables(t *testing.T) {
	cells := 0
	for i, line := range strings.Split(string(Reference()), "\n") {
		if !strings.HasPrefix(line, "|") {
			cells = 0
			continue
		}
		n := strings.Count(line, "|") - strings.Count(line, `\|`) - 1
		if cells == 0 {
			cells = n
		}
		if n != cells {
			t.Errorf("line %d has %d cells, the table's head has %d: %s", i+1, n, cells, line)
		}
	}
}

func TestSignature(t *testing.T) {
	name := func(name string, optional bool) Param { return Param{Name: name, Optional: optional, Type: typeAny} }
	for _, test := range []struct {
		want string
		f    Function
	}{
		{"", Function{}},
		{"a", Function{Params: []Param{name("a", false)}}},
		{"[a]", Function{Params: []Param{name("a", true)}}},
		{"a [, b [, c]]", Function{Params: []Param{name("a", false), name("b", true), name("c", true)}}},
		{"b", Function{Params: []Param{name("self", false), name("b", false)}}},
		{"a, ...", Function{Params: []Param{name("a", false)}, Variadic: true}},
		{"[option]", Function{Signature: "[option]"}},
	} {
		if got := signature(&test.f); got != test.want {
			t.Errorf("signature = %q, want %q", got, test.want)
		}
	}
}
