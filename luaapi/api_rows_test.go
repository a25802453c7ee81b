package luaapi

import (
	"slices"
	"strings"
	"testing"
)

// Every row says what a person needs to know.
func TestRowsAreComplete(t *testing.T) {
	types := map[string]bool{} // of the daemon, which all have names of their own
	for _, m := range Modules() {
		if m.Doc == "" {
			t.Errorf("the module %s has no doc", m.Name)
		}
		r := rows{t: t, m: &m, types: types}
		for i := range m.Functions {
			r.function(m.Name+"."+m.Functions[i].Name, &m.Functions[i], m.Standard)
		}
		for i := range m.Classes {
			r.class(&m.Classes[i])
		}
		for _, c := range m.Constants {
			r.doc(m.Name+"."+c.Name, c.Doc)
			r.typed(m.Name+"."+c.Name, c.Type)
			if c.Example == "" && !m.Standard {
				t.Errorf("%s.%s has no example", m.Name, c.Name)
			}
		}
		for _, record := range m.Records {
			r.typeName(record.Name)
			r.doc(record.Name, record.Doc)
			r.fields(record.Name, record.Fields)
		}
		for _, a := range m.Aliases {
			r.typeName(a.Name)
			r.doc(a.Name, a.Doc)
			r.typed(a.Name, a.Type)
		}
		r.fields(m.Name, m.Sets)
	}
}

// rows checks the rows of one module.
type rows struct {
	t     *testing.T
	m     *Module
	types map[string]bool
}

func (r *rows) typeName(name string) {
	if r.types[name] {
		r.t.Errorf("two types have the name %s", name)
	}
	r.types[name] = true
}

func (r *rows) doc(what, doc string) {
	if doc == "" {
		r.t.Errorf("%s has no doc", what)
	}
	if strings.Contains(doc, "\n") {
		r.t.Errorf("the doc of %s is more than one line", what)
	}
}

func (r *rows) typed(what string, t Type) {
	if t.Lua == "" || t.want == "" {
		r.t.Errorf("the type of %s has no name for editors (%q) or for people (%q)", what, t.Lua, t.want)
	}
}

// duration tells whether a type is a length of time, which has to have a unit.
func duration(t Type) bool {
	return t.want == typeDuration.want || t.want == typeLimit.want || t.want == typeWait.want || t.want == typeReopen.want
}

func (r *rows) unit(what string, t Type, unit string) {
	if duration(t) && unit == "" {
		r.t.Errorf("%s is a time, and has no unit", what)
	}
}

func (r *rows) fields(owner string, fields []Field) {
	for _, f := range fields {
		what := owner + ", field " + f.Name
		r.doc(what, f.Doc)
		r.typed(what, f.Type)
		r.unit(what, f.Type, f.Unit)
		if f.Required && f.Default != "" {
			r.t.Errorf("%s is required, and has a default", what)
		}
		if f.Unless != "" && !slices.ContainsFunc(fields, func(other Field) bool { return other.Name == f.Unless }) {
			r.t.Errorf("%s: there is no field %s to stand for it", what, f.Unless)
		}
	}
}

func (r *rows) params(owner string, params []Param) {
	for i, p := range params {
		what := owner + ", parameter " + p.Name
		r.typed(what, p.Type)
		r.unit(what, p.Type, p.Unit)
		r.fields(what, p.Fields)
		if i > 0 && params[i-1].Optional && !p.Optional {
			r.t.Errorf("%s is required, and the one before it is not", what)
		}
	}
}

func (r *rows) function(name string, f *Function, covered bool) {
	r.doc(name, f.Doc)
	r.params(name, f.Params)
	for _, result := range f.Results {
		r.typed(name+", a result", result.Type)
	}
	if f.Example == "" && !covered {
		r.t.Errorf("%s has no example", name)
	}
	if f.Signature != "" && !r.m.Standard {
		r.t.Errorf("%s has a signature in the manual's notation instead of parameters", name)
	}
}

func (r *rows) class(c *Class) {
	if !r.m.Standard {
		r.typeName(c.Name)
		if c.Example == "" {
			r.t.Errorf("the class %s has no example", c.Name)
		}
	}
	r.doc(c.Name, c.Doc)
	r.params(c.Name, c.Params)
	r.fields(c.Name, c.Fields)
	r.fields(c.Name+", attributes", c.Attributes)
	for i := range c.Methods {
		f := &c.Methods[i]
		// A method needs no example where the class's shows it, or where it is the daemon that calls it.
		shown := strings.Contains(c.Example, ":"+f.Name+"(") || strings.Contains(c.Example, ":"+f.Name+"{")
		r.function(c.Name+":"+f.Name, f, r.m.Standard || shown || r.calledByDaemon(c, f.Name))
		if !r.m.Standard && !isMethod(f) {
			r.t.Errorf("%s:%s has no parameter self", c.Name, f.Name)
		}
	}
}

// calledByDaemon tells whether a method is one of those that the daemon wants of a check or a handle.
func (r *rows) calledByDaemon(c *Class, method string) bool {
	for _, record := range r.m.Records {
		if record.Name == c.Extends {
			return slices.ContainsFunc(record.Fields, func(f Field) bool { return f.Name == method })
		}
	}
	return false
}
