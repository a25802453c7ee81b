package message

// Overlay is what the aspect and location of a check or a handle do to its
// messages: they overwrite what the message carries.
type Overlay struct {
	Aspect   string            // empty: event.name is left alone
	Location map[string]string // these keys are set, the others are left alone; not modified
}

// Empty tells whether o leaves every message as it is.
func (o Overlay) Empty() bool {
	return o.Aspect == "" && len(o.Location) == 0
}

// Apply appends object to dst, compact as by [Compact], with event.name and
// the keys of the location set. A key that is there keeps its place, one that
// is not comes last in its object, and where event or location is missing or
// null it is made. The rest keeps its order and spelling.
//
// The error is a [*SyntaxError] when object is not a JSON object, or a
// [*PathError] when what has to be set cannot be: event or location is
// something else than an object, a key of o is not a [ValidName], a text of o
// is not UTF-8. dst then comes back at its old length.
func (o Overlay) Apply(dst []byte, object []byte) ([]byte, error) {
	start := len(dst)
	dst, err := Compact(dst, object)
	if err != nil || o.Empty() {
		return dst, err
	}
	// The result is built behind the compact object and then moved over it:
	// one buffer does for both.
	middle := len(dst)
	dst, problem := o.edit(dst, dst[start:middle])
	if problem != nil {
		return dst[:start], problem
	}
	return append(dst[:start], dst[middle:]...), nil
}

// edit appends the compact object with the overlay applied.
func (o Overlay) edit(dst, object []byte) ([]byte, *PathError) {
	var room [2]string
	names := room[:0]
	if o.Aspect != "" {
		names = append(names, "event")
	}
	if len(o.Location) > 0 {
		names = append(names, "location")
	}
	return appendEdited(dst, object, names, func(dst []byte, name string, old []byte) ([]byte, *PathError) {
		switch {
		case old == nil || string(old) == "null":
			old = []byte("{}")
		case old[0] != '{':
			return dst, &PathError{name, "is " + kindOf(old[0]) + ", not an object"}
		}
		if name == "event" {
			return appendEdited(dst, old, []string{"name"}, o.appendAspect)
		}
		return o.editLocation(dst, old)
	})
}

func (o Overlay) appendAspect(dst []byte, _ string, _ []byte) ([]byte, *PathError) {
	dst, ok := AppendString(dst, o.Aspect)
	if !ok {
		return dst, &PathError{"event.name", stringProblem}
	}
	return dst, nil
}

func (o Overlay) editLocation(dst, location []byte) ([]byte, *PathError) {
	var room [8]string
	keys := sortedKeys(room[:0], o.Location)
	for _, key := range keys {
		if !ValidName(key) {
			return dst, &PathError{JoinKey("location", key), nameProblem(key)}
		}
	}
	return appendEdited(dst, location, keys, o.appendPlace)
}

func (o Overlay) appendPlace(dst []byte, key string, _ []byte) ([]byte, *PathError) {
	dst, ok := AppendString(dst, o.Location[key])
	if !ok {
		return dst, &PathError{JoinKey("location", key), stringProblem}
	}
	return dst, nil
}

// appendEdited appends the compact object with the members called names, which
// are ValidNames, set; those that were not there come last, in the order of
// names. value appends the new value of one, given the old one or nil.
func appendEdited(
	dst, object []byte, names []string,
	value func(dst []byte, name string, old []byte) ([]byte, *PathError),
) ([]byte, *PathError) {
	var room [8]bool
	seen := append(room[:0], make([]bool, len(names))...)
	var err *PathError
	comma := false
	separate := func() {
		if comma {
			dst = append(dst, ',')
		}
		comma = true
	}

	dst = append(dst, '{')
	for key, old := range members(object) {
		separate()
		dst = append(append(dst, key...), ':')
		i := indexKey(names, key)
		if i < 0 {
			dst = append(dst, old...)
			continue
		}
		seen[i] = true
		if dst, err = value(dst, names[i], old); err != nil {
			return dst, err
		}
	}
	for i, name := range names {
		if seen[i] {
			continue
		}
		separate()
		dst = append(dst, '"')
		dst = append(append(dst, name...), `":`...)
		if dst, err = value(dst, name, nil); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}
