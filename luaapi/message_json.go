package luaapi

import (
	"cmp"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"dumbprobe/internal/message"
)

// message appends a Message as JSON, with what the overlay sets.
func (e *encoder) message(dst []byte, m *messageObject, over message.Overlay) ([]byte, *message.PathError) {
	var d draft
	if err := d.take(m, over); err != nil {
		return dst, err
	}
	return e.draft(dst, &d)
}

// draft appends d as JSON. The order of the fields is the schema's.
func (e *encoder) draft(dst []byte, d *draft) ([]byte, *message.PathError) {
	old := len(dst)
	fail := func(err *message.PathError) ([]byte, *message.PathError) { return dst[:old], err }
	dst = append(dst, `{"v":3,"time":`...)
	dst, ok := message.AppendNumber(dst, d.time)
	if !ok {
		return fail(inKey(problem("%s cannot be written as JSON", numberName(d.time)), "time"))
	}
	dst = append(dst, `,"location":`...)
	dst, err := e.location(dst, d)
	if err != nil {
		return fail(inKey(err, "location"))
	}
	dst = append(dst, `,"event":{"name":`...)
	if dst, err = e.text(dst, d.aspect); err != nil {
		return fail(inKey(inKey(err, "name"), "event"))
	}
	if d.state == "" && d.severity != "" {
		return fail(inKey(inKey(inKey(problem("is missing, though a severity is given"), "value"), "state"), "event"))
	}
	if d.state != "" {
		dst = append(dst, `,"state":{"value":"`...)
		dst = append(append(dst, d.state...), '"')
		if d.severity != "" {
			dst = append(dst, `,"severity":"`...)
			dst = append(append(dst, d.severity...), '"')
		}
		dst = append(dst, '}')
	}
	if dst, err = e.vset(dst, d); err != nil {
		return fail(inKey(err, "event"))
	}
	if d.thresholdKept != "" {
		dst = append(dst, `,"threshold_kept":"`...)
		dst = append(append(dst, d.thresholdKept...), '"')
	}
	if d.comment != "" {
		dst = append(dst, `,"comment":`...)
		if dst, err = e.text(dst, d.comment); err != nil {
			return fail(inKey(inKey(err, "comment"), "event"))
		}
	}
	if d.interval != 0 {
		dst = append(dst, `,"interval":`...)
		dst, _ = message.AppendNumber(dst, d.interval) // checked when it was set
	}
	dst = append(dst, "}}"...)
	if len(dst)-e.start > e.maxBytes {
		return fail(e.tooLarge())
	}
	return dst, nil
}

func (e *encoder) vset(dst []byte, d *draft) ([]byte, *message.PathError) {
	if len(d.values) == 0 {
		if d.state == "" {
			return dst, problem("neither a state nor a value")
		}
		return dst, nil
	}
	dst = append(dst, `,"vset":{`...)
	for i, r := range d.values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), r.name...), `":`...)
		var err error
		if dst, err = r.append(dst); err != nil {
			return dst, inKey(inKey(asPathError(err), r.name), "vset")
		}
	}
	return append(dst, '}'), nil
}

// append writes the value as the schema's object.
func (r *reading) append(dst []byte) ([]byte, error) {
	switch x := r.item.(type) {
	case nil:
		return message.AppendValue(dst, &message.Value{Number: r.number})
	case *lua.LUserData:
		switch object := x.Value.(type) {
		case nullMark:
			return message.AppendValue(dst, &message.Value{Null: true})
		case *valueObject:
			return message.AppendValue(dst, &object.Value)
		}
	}
	return dst, problem("%s, not a number, a Value or dumbprobe.null", describe(r.item))
}

// location writes the location with the overlay's keys over it, sorted by name: d.location is that afterwards.
func (e *encoder) location(dst []byte, d *draft) ([]byte, *message.PathError) {
	if len(d.over) > 0 {
		d.location = slices.DeleteFunc(d.location, func(k locationKey) bool { _, replaced := d.over[k.name]; return replaced })
		for name, value := range d.over {
			d.location = append(d.location, locationKey{name, value})
		}
	}
	slices.SortFunc(d.location, func(a, b locationKey) int { return cmp.Compare(a.name, b.name) })
	dst = append(dst, '{')
	for i, k := range d.location {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), k.name...), `":`...)
		var err *message.PathError
		if dst, err = e.text(dst, k.value); err != nil {
			return dst, inKey(err, k.name)
		}
	}
	return append(dst, '}'), nil
}
