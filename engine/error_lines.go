package engine

import (
	"errors"
	"regexp"
	"strings"

	"dumbprobe/luaapi"
)

// ErrorLines are the lines that say what is wrong with a file of scripts, one for each problem, with the position
// first: "a.lua:3: ...", as editors read it.
func ErrorLines(err error) []string {
	var load *luaapi.LoadError
	var missing *missingError
	switch {
	case errors.As(err, &load):
		lines := make([]string, len(load.Problems))
		for i, problem := range load.Problems {
			lines[i] = positioned(load.Path, oneLine(problem))
		}
		return lines
	case errors.As(err, &missing):
		return []string{missing.path + ": " + oneLine(missing.err.Error())}
	}
	return []string{oneLine(err.Error())}
}

// FileOf is the file or folder that an error of a reload is about, "" if it is about none.
func FileOf(err error) string {
	var load *luaapi.LoadError
	var missing *missingError
	switch {
	case errors.As(err, &load):
		return load.Path
	case errors.As(err, &missing):
		return missing.path
	}
	return ""
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// elsewhere is a text that begins with the position in another file: a module's.
var elsewhere = regexp.MustCompile(`^[^ ][^:]*:[0-9]+: `)

// positioned puts the position first: problems also read "a.lua:3, entry 2: ..." and "Class at a.lua:3, entry 2:
// ...".
func positioned(path, problem string) string {
	rest, ok := strings.CutPrefix(problem, path)
	class := ""
	if !ok {
		class, rest, ok = strings.Cut(problem, " at "+path)
		ok = ok && !strings.ContainsAny(class, " :")
	}
	if !ok {
		if elsewhere.MatchString(problem) {
			return problem
		}
		return path + ": " + problem
	}
	line := ""
	if after, ok := strings.CutPrefix(rest, ":"); ok {
		text := strings.TrimLeft(after, "0123456789")
		if digits := after[:len(after)-len(text)]; digits != "" {
			line, rest = ":"+digits, text
		}
	}
	if class != "" {
		return path + line + ": " + class + rest
	}
	return path + line + ": " + strings.TrimLeft(rest, ":, ")
}
