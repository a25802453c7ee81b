package luaapi

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

func (r *Run) list(t *lua.LTable, lines listShape, at, expected string) (*Script, []string) {
	s := &Script{}
	var problems []string
	positions := map[lua.LValue]int{}
	next := 1
	for it := entriesOf(t); it.next(); {
		key, v := it.key, it.value
		n, isNumber := key.(lua.LNumber)
		if !isNumber || float64(n) != float64(int(n)) || int(n) < next {
			return nil, []string{fmt.Sprintf("%s: CHECKS has the key %s; expected is %s%s", at, key.String(), expected, r.loneEntry(t))}
		}
		for ; next < int(n); next++ {
			if next+maxHoles < int(n) {
				return nil, append(problems, fmt.Sprintf("%s: CHECKS is a list with holes up to position %d", at, int(n)))
			}
			problems = append(problems, fmt.Sprintf("%s, entry %d: found nil, expected a check or a handle (a misspelt variable?)", entryAt(r.vm.path, lines, next, at), next))
		}
		next++
		if first := positions[v]; first > 0 && hasIdentity(v) {
			problems = append(problems, fmt.Sprintf("%s, entry %d: found the same object as at entry %d; a check that is to run twice is made twice",
				entryAt(r.vm.path, lines, int(n), at), int(n), first))
			continue
		}
		positions[v] = int(n)
		entry, err := r.entry(v, int(n))
		if err != "" {
			problems = append(problems, r.entryProblem(v, int(n), lines, at, err))
			continue
		}
		entry.Line = lines.entry(int(n))
		if problem := r.vm.scheduleProblem(entry); problem != "" {
			problems = append(problems, fmt.Sprintf("%s at %s, entry %d: %s", entry.Class, entryAt(r.vm.path, lines, int(n), at), int(n), problem))
		}
		s.Entries = append(s.Entries, entry)
	}
	return s, append(problems, duplicateNames(s.Entries, at)...)
}

func (r *Run) entryProblem(v lua.LValue, position int, lines listShape, at, err string) string {
	for _, bad := range r.vm.invalid {
		if bad.object == v {
			bad.reported = true
			return bad.describe(position)
		}
	}
	return fmt.Sprintf("%s, entry %d: %s", entryAt(r.vm.path, lines, position, at), position, err)
}

func (vm *VM) scheduleProblem(e *Entry) string {
	if vm.schedule == nil || e.Kind != CheckEntry || e.OwnSchedule {
		return ""
	}
	if err := vm.schedule(e.Check); err != nil {
		return strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	return ""
}

// hasIdentity tells whether two values that are equal are one.
func hasIdentity(v lua.LValue) bool { return v.Type() == lua.LTTable || v.Type() == lua.LTUserData }

func duplicateNames(entries []*Entry, at string) []string {
	var problems []string
	seen := map[string]*Entry{}
	for _, e := range entries {
		if e.Name == "" {
			continue
		}
		if first := seen[e.Name]; first != nil {
			problems = append(problems, fmt.Sprintf("%s: entries %d and %d have one name, %q; names are unique", at, first.Position, e.Position, e.Name))
			continue
		}
		seen[e.Name] = e
	}
	return problems
}
