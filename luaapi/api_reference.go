package luaapi

import (
	"fmt"
	"strings"
)

//go:generate go run ../internal/apidocs -root ..

const referenceIntroduction = `# The Lua API

All that a checks script can use. This page is made of the table that the daemon installs the API from
(` + "`go generate ./luaapi`" + `); ` + "`dumbprobe stubs DIR`" + ` writes the same for editors.

- **Times and durations** are numbers of seconds, fractions allowed; a time is a unix time. Sizes are bytes.
- **Waits**: a function with this mark gives the VM away while it waits, and other checks of the same file
  run. Between two such calls a check has the VM for itself. The check's deadline ends the wait.
- **Errors** are raised, unless it says that a function returns nil and the reason. A wrong argument is always
  raised, with its name, and so is an unknown field of a table of fields or options, with the nearest known one.
  ` + "`pcall`" + ` catches errors, but not the end of the check's deadline.
- **Parameters in brackets** can be left out, and so can fields without the mark *required*.
`

// Reference makes docs/reference.md of the table of [Modules].
func Reference() []byte {
	return makeReference(Modules())
}

func makeReference(modules []Module) []byte {
	r := &reference{anchors: map[string]string{}}
	r.findAnchors(modules)
	r.WriteString(referenceIntroduction)
	r.contents(modules)
	for i := range modules {
		if !modules[i].Standard {
			r.module(&modules[i])
		}
	}
	r.standard(modules)
	return []byte(r.String())
}

// reference is the text that is being made.
type reference struct {
	strings.Builder
	anchors map[string]string // of the types that have a heading, by the type as LuaLS writes it
}

func (r *reference) printf(format string, args ...any) { fmt.Fprintf(r, format, args...) }

func (r *reference) findAnchors(modules []Module) {
	for _, m := range modules {
		if m.Standard {
			continue
		}
		for _, c := range m.Classes {
			r.anchors[typeNameOf(c.Name)] = anchor(classHeading(&m, &c))
		}
		for _, record := range m.Records {
			r.anchors[typeNameOf(record.Name)] = anchor(record.Name)
		}
		for _, a := range m.Aliases {
			r.anchors[typeNameOf(a.Name)] = anchor(a.Name)
		}
		for _, c := range m.Constants {
			r.anchors[m.Name+"."+c.Name] = anchor(m.Name + "." + c.Name)
		}
	}
}

// typeNameOf is how LuaLS annotations name a class, record or alias of the table, whatever its module.
func typeNameOf(name string) string { return classType(name).Lua }

// classHeading is where a script finds the class; one that it cannot call is only a type.
func classHeading(m *Module, c *Class) string {
	if callable(c) {
		return m.Name + "." + c.Name
	}
	return c.Name
}

func callable(c *Class) bool { return c.construct != nil || c.OpenFields }

func (r *reference) contents(modules []Module) {
	r.printf("\n## Contents\n\n")
	for _, m := range modules {
		if m.Standard {
			continue
		}
		r.printf("- %s\n", link(m.Name))
		var names []string
		for _, f := range m.Functions {
			names = append(names, link(m.Name+"."+f.Name))
		}
		r.contentsLine("functions", names)
		names = nil
		for _, c := range m.Classes {
			names = append(names, link(classHeading(&m, &c)))
		}
		r.contentsLine("classes", names)
		names = nil
		for _, c := range m.Constants {
			names = append(names, link(m.Name+"."+c.Name))
		}
		r.contentsLine("constants", names)
		names = nil
		for _, record := range m.Records {
			names = append(names, link(record.Name))
		}
		for _, a := range m.Aliases {
			names = append(names, link(a.Name))
		}
		r.contentsLine("shapes", names)
	}
	var names []string
	for _, m := range modules {
		if m.Standard {
			names = append(names, link(standardHeading(&m)))
		}
	}
	r.printf("- %s: %s\n", link(standardTitle), strings.Join(names, ", "))
}

func (r *reference) contentsLine(what string, names []string) {
	if len(names) > 0 {
		r.printf("  - %s: %s\n", what, strings.Join(names, ", "))
	}
}

func (r *reference) module(m *Module) {
	r.printf("\n## %s\n\n%s\n", m.Name, m.Doc)
	if len(m.Sets) > 0 {
		r.printf("\nGlobals that a script sets:\n\n")
		r.fields("global", m.Sets)
	}
	for i := range m.Functions {
		r.function("###", m.Name+".", &m.Functions[i])
	}
	for i := range m.Classes {
		r.class(m, &m.Classes[i])
	}
	for _, c := range m.Constants {
		r.printf("\n### %s.%s\n\n%s\n", m.Name, c.Name, c.Doc)
		r.example(c.Example)
	}
	for _, record := range m.Records {
		r.printf("\n### %s\n\n%s\n\n", record.Name, record.Doc)
		r.fields("field", record.Fields)
		r.example(record.Example)
	}
	for _, a := range m.Aliases {
		r.printf("\n### %s\n\n%s As a type: %s.\n", a.Name, a.Doc, code(a.Type.Lua))
	}
}

// function writes a function, or a method; prefix is what stands before its name in a call.
func (r *reference) function(heading, prefix string, f *Function) {
	r.printf("\n%s %s%s\n\n", heading, prefix, f.Name)
	r.printf("`%s%s(%s)`", prefix, f.Name, signature(f))
	if f.Waits {
		r.printf(" — **waits**")
	}
	r.printf("\n\n%s\n", f.Doc)
	r.params(arguments(f))
	r.results(f.Results)
	if f.Errors != "" {
		r.printf("\nErrors: %s.\n", f.Errors)
	}
	r.example(f.Example)
}

// arguments are the parameters of a function without the object that a method is called on.
func arguments(f *Function) []Param {
	if isMethod(f) {
		return f.Params[1:]
	}
	return f.Params
}

func isMethod(f *Function) bool { return len(f.Params) > 0 && f.Params[0].Name == "self" }

// signature is the list of parameters as the Lua manual writes it: "command [, options]".
func signature(f *Function) string {
	if f.Signature != "" {
		return f.Signature
	}
	return parameterList(arguments(f), f.Variadic)
}

func parameterList(params []Param, variadic bool) string {
	var b strings.Builder
	open := 0
	for i, p := range params {
		if p.Optional {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteByte('[')
			open++
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.Name)
	}
	if variadic {
		if len(params) > 0 {
			b.WriteString(", ")
		}
		b.WriteString("...")
	}
	return b.String() + strings.Repeat("]", open)
}

func (r *reference) params(params []Param) {
	if len(params) == 0 {
		return
	}
	t := newTable("parameter", "type", "unit", "default", "meaning")
	for _, p := range params {
		words := r.typeText(p.Type)
		if p.Fields != nil {
			words = "table with the fields below"
		}
		t.row(code(p.Name), words, unitBeside(words, p.Unit), p.Default, p.Doc)
	}
	r.printf("\n%s", t)
	for _, p := range params {
		if p.Fields != nil {
			r.printf("\nFields of `%s`:\n\n", p.Name)
			r.fields("field", p.Fields)
		}
	}
}

func (r *reference) fields(what string, fields []Field) {
	t := newTable(what, "type", "unit", "default", "meaning")
	for _, f := range fields {
		fallback := f.Default
		if f.Required {
			fallback = requiredMark(&f)
		}
		words := r.typeText(f.Type)
		t.row(code(f.Name), words, unitBeside(words, f.Unit), fallback, f.Doc)
	}
	r.WriteString(t.String())
}

func requiredMark(f *Field) string {
	if f.Unless != "" {
		return "*required* unless " + code(f.Unless)
	}
	return "*required*"
}

// unitBeside is the unit where the words of the type do not name it.
func unitBeside(words, unit string) string {
	if strings.Contains(words, unit) {
		return ""
	}
	return unit
}

func (r *reference) results(results []Result) {
	if len(results) == 0 {
		return
	}
	texts := make([]string, len(results))
	for i, result := range results {
		texts[i] = r.typeText(result.Type)
		if result.Optional && !strings.Contains(result.Doc, "nil") {
			texts[i] += " or nil"
		}
		if result.Doc != "" {
			texts[i] += " (" + result.Doc + ")"
		}
	}
	r.printf("\nReturns: %s.\n", strings.Join(texts, ", then "))
}

func (r *reference) example(text string) {
	if text != "" {
		r.printf("\n```lua\n%s\n```\n", text)
	}
}

// typeText names a type for a person: by a link to where it is described, in words where these say more
// than the annotation, and otherwise by the annotation.
func (r *reference) typeText(t Type) string {
	if at, ok := r.anchors[t.Lua]; ok {
		return fmt.Sprintf("[%s](#%s)", code(t.Lua[strings.LastIndexByte(t.Lua, '.')+1:]), at)
	}
	words := strings.TrimPrefix(strings.TrimPrefix(t.want, "a "), "an ")
	switch words {
	case "value", "table", "function", "":
		return code(t.Lua)
	}
	return words
}

const standardTitle = "Lua's own library"

func standardHeading(m *Module) string {
	if m.Global == "" {
		return "Globals"
	}
	return m.Global
}

func (r *reference) standard(modules []Module) {
	r.printf("\n## %s\n\n%s\n", standardTitle, "The language is Lua 5.1. Of its library there is what follows, and what is not listed is not there. Strings\nhave the functions of `string` as methods.")
	for _, m := range modules {
		if !m.Standard {
			continue
		}
		r.printf("\n### %s\n\n%s\n\n", standardHeading(&m), m.Doc)
		prefix := ""
		if m.Global != "" {
			prefix = m.Global + "."
		}
		t := newTable("name", "meaning")
		for i := range m.Functions {
			t.functionRow(prefix, &m.Functions[i])
		}
		for _, c := range m.Constants {
			t.row(code(prefix+c.Name), c.Doc)
		}
		r.WriteString(t.String())
		for _, c := range m.Classes {
			r.printf("\nA `%s`: %s\n\n", c.Name, c.Doc)
			t := newTable("method", "meaning")
			for i := range c.Methods {
				t.functionRow(c.Name+":", &c.Methods[i])
			}
			r.WriteString(t.String())
		}
	}
}
