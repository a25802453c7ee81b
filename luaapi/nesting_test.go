package luaapi

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// nestings are the ways in which Lua nests: what is repeated, the innermost, and what closes each.
var nestings = map[string]struct{ before, open, middle, close, after string }{
	"braces":              {"return ", "{", "", "}", ""},
	"braces with fields":  {"return ", "{a=", "1", "}", ""},
	"parentheses":         {"return ", "(", "1", ")", ""},
	"indexing":            {"local a = {} return ", "a[", "1", "]", ""},
	"calls in calls":      {"local a = {} return ", "a(", "1", ")", ""},
	"not":                 {"return ", "not ", "1", "", ""},
	"minus":               {"return ", "- ", "1", "", ""},
	"minus of a variable": {"local a return ", "- ", "a", "", ""},
	"length":              {"local a return ", "#", "a", "", ""},
	"concatenation":       {"return ", "a..", "a", "", ""},
	"powers":              {"return ", "a^", "a", "", ""},
	"powers of constants": {"return ", "2^", "1", "", ""},
	"sums":                {"return ", "a+", "a", "", ""},
	"sums of constants":   {"return ", "1+", "1", "", ""},
	"and":                 {"return ", "a and ", "a", "", ""},
	"or":                  {"return ", "a or ", "a", "", ""},
	"comparisons":         {"return ", "a<", "a", "", ""},
	"attributes":          {"return a", ".a", "", "", ""},
	"calls of results":    {"return a", "()", "", "", ""},
	"methods":             {"return a", ":a()", "", "", ""},
	"functions":           {"return ", "function() return ", "1", " end", ""},
	"function statements": {"", "function f() ", "", " end", ""},
	"local functions":     {"", "local function f() ", "", " end", ""},
	"do":                  {"", "do ", "", " end", ""},
	"while":               {"", "while a do ", "", " end", ""},
	"repeat":              {"", "repeat ", "", " until a", ""},
	"for":                 {"", "for i=1,2 do ", "", " end", ""},
	"for in":              {"", "for i in a do ", "", " end", ""},
	"if":                  {"", "if a then ", "", " end", ""},
	"elseif":              {"if a then", " elseif a then", "", "", " end"},
	"else if":             {"", "if a then else ", "", " end", ""},
	"strings as calls":    {"return a", "''", "", "", ""},
	"tables as calls":     {"return a", "{}", "", "", ""},
	"long brackets":       {"return ", "[", "[[]]", "", ""},
	"comments":            {"", "--[", "[[]]", "", ""},
	"goto":                {"", "goto a ", "::a::", "", ""},
	"statements":          {"", "a=1 ", "", "", ""},
	"locals":              {"", "local a ", "", "", ""},
	"names":               {"return a", ", a", "", "", ""},
	"assignments":         {"a", ", a", " = 1", "", ""},
	"parameters":          {"return function(a", ", a", ") end", "", ""},
	"arguments":           {"return a(a", ", a", ")", "", ""},
	"elements":            {"return {a", ", a", "}", "", ""},
	"constants":           {"return {", "", "", "", "}"},
	"labels":              {"", "", "", "", ""},
	"functions in a list": {"return {", "function() end,", "", "", "}"},
	"unclosed braces":     {"return ", "{", "", "", ""},
	"unclosed do":         {"", "do ", "", "", ""},
	"unclosed parens":     {"return ", "(", "", "", ""},
}

// nest repeats a nesting so often that the text is of this size.
func nest(name string, size int) string {
	if item := map[string]string{"constants": "'c%d',", "labels": "::l%d:: "}[name]; item != "" {
		var b strings.Builder
		b.WriteString(nestings[name].before)
		for i := 0; b.Len() < size-20; i++ {
			fmt.Fprintf(&b, item, i)
		}
		return b.String() + nestings[name].after
	}
	n := nestings[name]
	times := (size - len(n.before) - len(n.middle) - len(n.after)) / (len(n.open) + len(n.close))
	return n.before + strings.Repeat(n.open, times) + n.middle + strings.Repeat(n.close, times) + n.after
}

const (
	tooDeep   = "nested more than 1000 levels deep"
	notClosed = "something is not closed"
	tooMany   = "too many local variables"
)

// What the compiler would overflow the stack with, or compile for minutes, it does not get.
func TestNesting(t *testing.T) {
	want := map[string]string{
		"constants": "more than 16384 different constants", "labels": "more than 1000 labels",
		"unclosed braces": notClosed, "unclosed do": notClosed, "unclosed parens": notClosed,
		"locals": tooMany, "names": tooMany, "parameters": tooMany, "arguments": tooMany, "assignments": tooMany,
		"elements": "written with more than 25550 elements", "functions in a list": "written with more than 25550 elements",
		// These are no nestings.
		"parentheses": "CHECKS is the number 1", "long brackets": "CHECKS is the string \"[[[", "comments": "the script returns nothing",
		"statements": "the script returns nothing", "goto": "the script returns nothing",
	}
	for name := range nestings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			size := 26 << 10 // far too deep, but not so deep that the compiler would end the process
			switch name {
			case "constants", "elements":
				size = 160 << 10
			case "functions in a list": // 25,551 of them
				size = 400 << 10
			}
			s := newScriptVM(t, writeScript(t, nest(name, size)), Limits{})
			_, err := s.vm.Load(context.Background(), RunOptions{Timeout: longTime})
			expected := tooDeep
			if w := want[name]; w != "" {
				expected = w
			}
			if err == nil || !strings.Contains(err.Error(), expected) || len(err.Error()) > 500 {
				t.Errorf("the error is %.500v, want %q", err, expected)
			}
			// The text that load and loadstring get is looked at in the same way.
			if name == "do" || name == "length" {
				o := runBody(t, "local f, why = loadstring([===["+nest(name, size)+"]===]) assert(not f) error(why, 0)")
				if o.err == nil || !strings.Contains(o.err.Error(), expected) {
					t.Errorf("loadstring gives %.500v, want %q", o.err, expected)
				}
			}
		})
	}
}

// What is nested as a person may do it, or a program that writes Lua, is no error.
func TestNestingThatIsNotTooDeep(t *testing.T) {
	long := strings.Repeat("'x' .. ", 150) + "'x'"
	sum := strings.Repeat("1 + n + ", 300) + "n"
	var chain strings.Builder
	for i := range 300 {
		fmt.Fprintf(&chain, "if n == %d then n = 0 else", i+2)
	}
	luaTest(t, fmt.Sprintf(`
		local n = 1
		assert(#(%s) == 151)
		assert(%s == 601)
		%s n = 5 end
		assert(n == 5)
		local t = %s 1 %s
		local list = {%s}
		assert(#list == 25500)`,
		long, sum, strings.ReplaceAll(chain.String(), "elseif", " elseif"),
		strings.Repeat("{", 150), strings.Repeat("}", 150), strings.Repeat("1,", 25500)))
}
