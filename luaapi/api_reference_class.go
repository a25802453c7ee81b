package luaapi

import (
	"slices"
	"strings"
)

func (r *reference) class(m *Module, c *Class) {
	r.printf("\n### %s\n\n%s\n", classHeading(m, c), c.Doc)
	if c.Extends != "" {
		r.printf("\nIts objects have the methods of a [`%s`](#%s).\n", c.Extends, anchor(c.Extends))
	}
	switch {
	case len(c.Params) > 0:
		r.printf("\n`%s(%s)` makes one.\n", classHeading(m, c), parameterList(c.Params, false))
		r.params(c.Params)
	case c.OpenFields:
		r.printf("\nA class of your own is called with a table of these fields, and of any others:\n\n")
		r.fields("field", c.Fields)
	case c.construct != nil:
		own, common, base := ownFields(m, c)
		r.printf("\n`%s{...}` makes one, with these fields:\n\n", classHeading(m, c))
		r.fields("field", own)
		if len(common) > 0 {
			r.printf("\nand those of [%s](#%s): %s.\n", base.Name, anchor(classHeading(m, base)), strings.Join(fieldNames(common), ", "))
		}
	}
	r.example(c.Example)
	r.attributes(m, c)
	for i := range c.Methods {
		r.function("####", c.Name+":", &c.Methods[i])
	}
}

// ownFields divides the fields of a class into its own, and those that it has in common with the base class
// for scripts that extends the same record.
func ownFields(m *Module, c *Class) (own, common []Field, base *Class) {
	for i := range m.Classes {
		if b := &m.Classes[i]; b.OpenFields && b.Extends == c.Extends && c.Extends != "" {
			base = b
		}
	}
	for _, f := range c.Fields {
		if base != nil && slices.ContainsFunc(base.Fields, func(b Field) bool { return b.Name == f.Name && b.Doc == f.Doc }) {
			common = append(common, f)
		} else {
			own = append(own, f)
		}
	}
	return own, common, base
}

func fieldNames(fields []Field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = code(f.Name)
		if f.Required {
			names[i] += " (" + requiredMark(&f) + ")"
		}
	}
	return names
}

// attributes says what can be read and set on an object; in full only where that is not the constructor's
// fields again.
func (r *reference) attributes(m *Module, c *Class) {
	how := "can be read and set"
	if c.ReadOnly {
		how = "can be read, not set"
	}
	var again, more []Field
	for _, a := range c.Attributes {
		a.Required, a.Default = false, "" // which are about the constructor
		if slices.ContainsFunc(c.Fields, func(f Field) bool { return f.Name == a.Name }) {
			again = append(again, a)
		} else {
			more = append(more, a)
		}
	}
	_, common, base := ownFields(m, c)
	switch {
	case len(again) == 0:
	case len(again) == len(c.Fields):
		r.printf("\nOn an object, these fields %s.\n", how)
	case len(again) == len(common):
		r.printf("\nOn an object, the fields of %s %s.\n", base.Name, how)
	default:
		r.printf("\nOn an object, %s %s.\n", strings.Join(fieldNames(again), ", "), how)
	}
	if len(more) > 0 {
		if len(again) > 0 {
			r.printf("\nThe same is true of:\n\n")
		} else {
			r.printf("\nFields of an object, which %s:\n\n", how)
		}
		r.fields("field", more)
	}
}
