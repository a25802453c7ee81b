package luaapi

import (
	"fmt"
	"strings"
)

// Stubs makes the files of scripts/meta, by name: what editors with the Lua language server
// (https://luals.github.io/wiki/annotations/) know of the daemon's modules. Lua's own library they know already.
func Stubs() map[string][]byte {
	return makeStubs(Modules())
}

func makeStubs(modules []Module) map[string][]byte {
	files := map[string][]byte{}
	for i := range modules {
		if m := &modules[i]; !m.Standard {
			files[m.Name+".lua"] = makeStub(m, submodules(modules, m.Name))
		}
	}
	return files
}

// submodules are the modules that a module holds as fields: dumbprobe.json is the field json of dumbprobe.
func submodules(modules []Module, parent string) []string {
	var names []string
	for _, m := range modules {
		if rest, ok := strings.CutPrefix(m.Name, parent+"."); ok && !strings.Contains(rest, ".") {
			names = append(names, rest)
		}
	}
	return names
}

// stub is one file that is being made.
type stub struct {
	strings.Builder
	m     *Module
	table string // the local variable that holds the module
}

func makeStub(m *Module, parts []string) []byte {
	s := &stub{m: m, table: m.Name[strings.LastIndexByte(m.Name, '.')+1:]}
	s.printf("---@meta %s\n\n", m.Name)
	s.printf("-- Types for editors. Made of the table in luaapi by go generate ./luaapi: do not edit.\n")
	for _, a := range m.Aliases {
		s.printf("\n")
		s.doc(a.Doc)
		s.printf("---@alias %s %s\n", typeNameOf(a.Name), a.Type.Lua)
	}
	for _, record := range m.Records {
		s.printf("\n")
		s.doc(record.Doc)
		s.exampleOf(record.Example)
		s.printf("---@class %s\n", typeNameOf(record.Name))
		s.fields(record.Fields)
	}
	s.printf("\n")
	s.doc(m.Doc)
	s.printf("---@class %s\nlocal %s = {}\n", m.Name, s.table)
	for _, part := range parts {
		s.printf("\n%s.%s = require \"%s.%s\"\n", s.table, part, m.Name, part)
	}
	for _, c := range m.Constants {
		s.constant(&c)
	}
	for i := range m.Functions {
		f := &m.Functions[i]
		s.options(m.Name+"."+f.Name, f.Params)
		s.function(s.table+"."+f.Name, m.Name+"."+f.Name, f)
	}
	for i := range m.Classes {
		s.class(&m.Classes[i])
	}
	for _, f := range m.Sets {
		s.printf("\n")
		s.doc(f.Doc)
		s.printf("---@type %s\n%s = nil\n", f.Type.Lua, f.Name)
	}
	s.printf("\nreturn %s\n", s.table)
	return []byte(s.String())
}

func (s *stub) printf(format string, args ...any) { fmt.Fprintf(s, format, args...) }

// doc writes text that editors show.
func (s *stub) doc(text string) {
	for line := range strings.Lines(text) {
		s.printf("%s\n", strings.TrimRight("--- "+strings.TrimSuffix(line, "\n"), " "))
	}
}

func (s *stub) exampleOf(text string) {
	if text != "" {
		s.printf("---\n")
		s.doc("```lua\n" + text + "\n```")
	}
}

// constant writes a constant. One whose type is its own name is the only value of that type.
func (s *stub) constant(c *Constant) {
	s.printf("\n")
	s.doc(c.Doc)
	s.exampleOf(c.Example)
	name := s.m.Name + "." + c.Name
	if c.Type.Lua == name {
		s.printf("---@class %s\n%s.%s = {}\n", name, s.table, c.Name)
		return
	}
	s.printf("---@type %s\n%s.%s = nil\n", c.Type.Lua, s.table, c.Name)
}

func (s *stub) fields(fields []Field) {
	for _, f := range fields {
		s.field(&f, f.Required && f.Unless == "")
	}
}

func (s *stub) field(f *Field, always bool) {
	optional := "?"
	if always {
		optional = ""
	}
	s.printf("---@field %s%s %s%s\n", f.Name, optional, f.Type.Lua, remark(f.Doc, f.Unit, f.Default))
}

// remark is the comment behind an annotation.
func remark(doc, unit, fallback string) string {
	switch {
	case unit != "" && doc != "":
		doc += " (" + unit + ")"
	case unit != "":
		doc = unit
	}
	if fallback != "" {
		doc = strings.TrimPrefix(doc+"; default: "+fallback, "; ")
	}
	if doc == "" {
		return ""
	}
	return " # " + doc
}

// optionsName is the class of a table of options that a function takes.
func optionsName(owner string, p *Param) string {
	return owner + "." + strings.ToUpper(p.Name[:1]) + p.Name[1:]
}

// options writes the classes of the tables of options among the parameters.
func (s *stub) options(owner string, params []Param) {
	for i := range params {
		if p := &params[i]; p.Fields != nil {
			s.printf("\n---@class %s\n", optionsName(owner, p))
			s.fields(p.Fields)
		}
	}
}

func paramType(owner string, p *Param) string {
	if p.Fields != nil {
		return optionsName(owner, p)
	}
	return p.Type.Lua
}

// function writes a function, or a method: name is where it is put, owner names the classes of its options.
func (s *stub) function(name, owner string, f *Function) {
	s.printf("\n")
	s.doc(f.Doc)
	if f.Waits {
		s.doc("\nWaits: other checks of the file go on meanwhile.")
	}
	if f.Errors != "" {
		s.doc("\nErrors: " + f.Errors + ".")
	}
	s.exampleOf(f.Example)
	params := arguments(f)
	names := make([]string, len(params))
	for i := range params {
		p := &params[i]
		names[i] = p.Name
		optional := ""
		if p.Optional {
			optional = "?"
		}
		s.printf("---@param %s%s %s%s\n", p.Name, optional, paramType(owner, p), remark(p.Doc, p.Unit, p.Default))
	}
	if f.Variadic {
		names = append(names, "...")
		s.printf("---@param ... any\n")
	}
	for _, result := range f.Results {
		optional := ""
		if result.Optional {
			optional = "?"
		}
		s.printf("---@return %s%s%s\n", result.Type.Lua, optional, remark(result.Doc, "", ""))
	}
	s.printf("function %s(%s) end\n", name, strings.Join(names, ", "))
}

func (s *stub) class(c *Class) {
	name := typeNameOf(c.Name)
	fieldsName := name + ".Fields"
	s.options(name, c.Params)
	if callable(c) && len(c.Params) == 0 {
		s.printf("\n---@class %s\n", fieldsName)
		s.fields(c.Fields)
		s.openField(c)
	}
	s.printf("\n")
	s.doc(c.Doc)
	s.exampleOf(c.Example)
	s.printf("---@class %s", name)
	if c.Extends != "" {
		s.printf(" : %s", typeNameOf(c.Extends))
	}
	s.printf("\n")
	for _, f := range c.Attributes {
		s.field(&f, f.Required && f.Unless == "" || f.Always)
	}
	s.openField(c)
	switch {
	case len(c.Params) > 0:
		s.printf("---@overload fun(%s): %s\n", typedList(name, c.Params), name)
	case callable(c):
		s.printf("---@overload fun(fields: %s): %s\n", fieldsName, name)
	}
	s.printf("local %s = {}\n", c.Name)
	if callable(c) {
		s.printf("%s.%s = %s\n", s.table, c.Name, c.Name)
	}
	for i := range c.Methods {
		f := &c.Methods[i]
		s.options(name+"."+f.Name, f.Params)
		s.function(c.Name+":"+f.Name, name+"."+f.Name, f)
	}
}

// openField says that a script may use fields of its own.
func (s *stub) openField(c *Class) {
	if c.OpenFields {
		s.printf("---@field [string] any # of your own\n")
	}
}

func typedList(owner string, params []Param) string {
	list := make([]string, len(params))
	for i := range params {
		p := &params[i]
		optional := ""
		if p.Optional {
			optional = "?"
		}
		list[i] = p.Name + optional + ": " + paramType(owner, p)
	}
	return strings.Join(list, ", ")
}
