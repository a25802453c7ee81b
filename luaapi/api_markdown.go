package luaapi

import (
	"strings"
	"unicode"
)

// table is a Markdown table. A column that is empty in every row is left out.
type table struct {
	head []string
	rows [][]string
}

func newTable(head ...string) *table { return &table{head: head} }

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) functionRow(prefix string, f *Function) {
	doc := f.Doc
	if f.Waits {
		doc += " **Waits.**"
	}
	t.row(code(prefix+f.Name+"("+signature(f)+")"), doc)
}

func (t *table) String() string {
	used := make([]bool, len(t.head))
	for _, row := range t.rows {
		for i, cell := range row {
			used[i] = used[i] || cell != ""
		}
	}
	var b strings.Builder
	line := func(cell func(i int) string) {
		for i, ok := range used {
			if ok {
				b.WriteString("| ")
				b.WriteString(strings.ReplaceAll(cell(i), "|", `\|`))
				b.WriteByte(' ')
			}
		}
		b.WriteString("|\n")
	}
	line(func(i int) string { return t.head[i] })
	line(func(int) string { return "---" })
	for _, row := range t.rows {
		line(func(i int) string { return row[i] })
	}
	return b.String()
}

func code(s string) string { return "`" + s + "`" }

// link is a link to the heading of this text.
func link(heading string) string { return "[" + heading + "](#" + anchor(heading) + ")" }

// anchor is the name that GitHub and its like give to a heading: letters and digits in lower case, hyphens
// for spaces, and nothing else.
func anchor(heading string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == ' ':
			return '-'
		case c == '-' || c == '_' || unicode.IsLetter(c) || unicode.IsDigit(c):
			return unicode.ToLower(c)
		}
		return -1
	}, heading)
}
