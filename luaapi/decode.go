package luaapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
)

// What decoding costs, in instructions of Lua that take about as long.
const (
	bytesPerInstruction  = 2
	instructionsPerValue = 50
)

// decoder makes Lua values of one JSON text. It ends with the run: no deadline interrupts it otherwise.
type decoder struct {
	run    *Run
	tokens *json.Decoder
	values int
}

// decodeJSON makes Lua values of one JSON text. Null becomes dumbprobe.null, so that no key is lost; a list
// is marked as one, so that it is written as a list again even when it is empty. The error is the run's where
// that is over.
func (r *Run) decodeJSON(text string) (lua.LValue, error) {
	if at := invalidUTF8(text); at < len(text) {
		return nil, fmt.Errorf("the JSON text is not UTF-8, at byte %d: %s", at, excerpt(text[at:]))
	}
	if err := r.work(len(text) / bytesPerInstruction); err != nil {
		return nil, err
	}
	d := &decoder{run: r, tokens: json.NewDecoder(strings.NewReader(text))}
	d.tokens.UseNumber()
	v, err := d.value(0)
	if r.ended != nil {
		return nil, r.ended
	}
	if err != nil {
		return nil, jsonError(err, text)
	}
	if _, err := d.tokens.Token(); err != io.EOF {
		return nil, fmt.Errorf("more text after the JSON value, at byte %d", d.tokens.InputOffset())
	}
	return v, nil
}

// invalidUTF8 is where a text is not UTF-8, or its length. encoding/json would put U+FFFD there.
func invalidUTF8(text string) int {
	for i, r := range text {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
				return i
			}
		}
	}
	return len(text)
}

func jsonError(err error, text string) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("the JSON text ends too early: %s", excerpt(text))
	}
	var over *decodeLimitError
	if errors.As(err, &over) {
		return err
	}
	return fmt.Errorf("not JSON: %w, in %s", err, excerpt(text))
}

// decodeLimitError is a JSON text that is too much, and may be right otherwise.
type decodeLimitError struct{ text string }

func (e *decodeLimitError) Error() string { return e.text }

func (d *decoder) value(depth int) (lua.LValue, error) {
	if depth > 1000 {
		return nil, &decodeLimitError{"the JSON text has more than 1000 levels"}
	}
	if d.values++; d.values > d.run.vm.limits.DecodedValues {
		return nil, &decodeLimitError{fmt.Sprintf("the JSON text has more than %d values", d.run.vm.limits.DecodedValues)}
	}
	if err := d.run.work(instructionsPerValue); err != nil {
		return nil, err
	}
	token, err := d.tokens.Token()
	if err != nil {
		return nil, err
	}
	switch x := token.(type) {
	case nil:
		return d.run.vm.shared.null, nil
	case bool:
		return lua.LBool(x), nil
	case string:
		return lua.LString(x), nil
	case json.Number:
		f, err := strconv.ParseFloat(string(x), 64)
		if err != nil {
			return nil, fmt.Errorf("the number %s is out of range", x)
		}
		return lua.LNumber(f), nil
	case json.Delim:
		if x == '{' {
			return d.object(depth)
		}
		return d.list(depth)
	}
	return nil, fmt.Errorf("unexpected %v", token)
}

func (d *decoder) object(depth int) (lua.LValue, error) {
	if !d.tokens.More() {
		t := d.run.vm.state.CreateTable(0, 0)
		t.Metatable = d.run.vm.shared.objectMeta // to be written as an object again
		_, err := d.tokens.Token()
		return t, err
	}
	t := d.run.vm.state.CreateTable(0, 4)
	for d.tokens.More() {
		key, err := d.tokens.Token()
		if err != nil {
			return nil, err
		}
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		t.RawSetString(key.(string), v)
	}
	_, err := d.tokens.Token()
	return t, err
}

func (d *decoder) list(depth int) (lua.LValue, error) {
	t := d.run.vm.state.CreateTable(4, 0)
	t.Metatable = d.run.vm.shared.arrayMeta
	for i := 1; d.tokens.More(); i++ {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		t.RawSetInt(i, v)
	}
	_, err := d.tokens.Token()
	return t, err
}
