package luaapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
)

// decodeJSON makes Lua values of one JSON text. Null becomes dumbprobe.null, so that no key is lost; a list
// is marked as one, so that it is written as a list again even when it is empty.
func (vm *VM) decodeJSON(text string) (lua.LValue, error) {
	if at := invalidUTF8(text); at < len(text) {
		return nil, fmt.Errorf("the JSON text is not UTF-8, at byte %d: %s", at, excerpt(text[at:]))
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	v, err := vm.decodeValue(d, 0)
	if err != nil {
		return nil, jsonError(err, text)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("more text after the JSON value, at byte %d", d.InputOffset())
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
	return fmt.Errorf("not JSON: %w, in %s", err, excerpt(text))
}

func (vm *VM) decodeValue(d *json.Decoder, depth int) (lua.LValue, error) {
	if depth > 1000 {
		return nil, fmt.Errorf("more than 1000 levels")
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch x := token.(type) {
	case nil:
		return vm.shared.null, nil
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
			return vm.decodeObject(d, depth)
		}
		return vm.decodeList(d, depth)
	}
	return nil, fmt.Errorf("unexpected %v", token)
}

func (vm *VM) decodeObject(d *json.Decoder, depth int) (lua.LValue, error) {
	t := vm.state.CreateTable(0, 4)
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, err := vm.decodeValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		t.RawSetString(key.(string), v)
	}
	if isEmpty(t) {
		t.Metatable = vm.shared.objectMeta // to be written as an object again
	}
	_, err := d.Token()
	return t, err
}

func (vm *VM) decodeList(d *json.Decoder, depth int) (lua.LValue, error) {
	t := vm.state.CreateTable(4, 0)
	t.Metatable = vm.shared.arrayMeta
	for i := 1; d.More(); i++ {
		v, err := vm.decodeValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		t.RawSetInt(i, v)
	}
	_, err := d.Token()
	return t, err
}
