package luaapi

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// list goes through CHECKS where it is a list. What is wrong with one entry does not keep it from the next.
func (r *Run) list(t *lua.LTable, lines checksLines) (*Script, []string) {
	s := &Script{}
	var problems []string
	positions := map[lua.LValue]int{}
	next := 1
	for it := entriesOf(t); it.next(); next++ {
		n, isNumber := it.key.(lua.LNumber)
		position := int(n)
		if !isNumber || float64(n) != float64(position) || position < next {
			return nil, []string{fmt.Sprintf("%s: CHECKS has the key %s; expected is %s%s",
				lines.atChecks(), it.key.String(), typeChecks.want, r.loneEntry(t))}
		}
		for ; next < position; next++ {
			if next+maxHoles < position {
				return nil, append(problems, fmt.Sprintf("%s: CHECKS is a list with holes up to position %d",
					lines.atChecks(), position))
			}
			problems = append(problems, fmt.Sprintf("%s: found nil, expected a check or a handle (a misspelt variable?)",
				lines.atEntry(next)))
		}
		if first := positions[it.value]; first > 0 && hasIdentity(it.value) {
			problems = append(problems, fmt.Sprintf("%s: found the same object as at entry %d; a check that is to run twice is made twice",
				lines.atEntry(position), first))
			continue
		}
		positions[it.value] = position
		entry, problem := r.listEntry(it.value, position, lines)
		if problem != "" {
			problems = append(problems, problem)
		}
		if entry != nil {
			s.Entries = append(s.Entries, entry)
		}
	}
	return s, append(problems, duplicateNames(s.Entries, lines)...)
}

// hasIdentity tells whether two values that are equal are one.
func hasIdentity(v lua.LValue) bool { return v.Type() == lua.LTTable || v.Type() == lua.LTUserData }

// listEntry makes an Entry, or says what is wrong, with the place of it. Both, where the schedule alone is wrong: its
// name is still compared with the others'.
func (r *Run) listEntry(v lua.LValue, position int, lines checksLines) (*Entry, string) {
	for _, bad := range r.vm.invalid {
		if bad.object == v {
			bad.reported = true
			return nil, bad.describe(position)
		}
	}
	entry, problem := r.entry(v, position)
	if problem != "" {
		return nil, fmt.Sprintf("%s: %s", lines.atEntry(position), problem)
	}
	entry.Line = lines.entry(position)
	if problem := r.vm.scheduleProblem(entry); problem != "" {
		return entry, fmt.Sprintf("%s at %s: %s", entry.Class, lines.atEntry(position), problem)
	}
	return entry, ""
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

func duplicateNames(entries []*Entry, lines checksLines) []string {
	var problems []string
	seen := map[string]*Entry{}
	for _, e := range entries {
		if e.Name == "" {
			continue
		}
		if first := seen[e.Name]; first != nil {
			problems = append(problems, fmt.Sprintf("%s: entries %d and %d have one name, %q; names are unique",
				lines.atChecks(), first.Position, e.Position, e.Name))
			continue
		}
		seen[e.Name] = e
	}
	return problems
}
