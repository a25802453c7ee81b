package engine

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"dumbprobe/luaapi"
)

func TestErrorLinesBeginWithThePosition(t *testing.T) {
	t.Parallel()
	problems := []string{
		"dir/a.lua:2: syntax error near ')' (column 3)",
		"dir/a.lua:5, entry 3: found the number 3",
		"ShellCommand at dir/a.lua:6, entry 4: field `command` must be a string: a; b",
		"Function at dir/a.lua:2: field `call`",
		"dir/a.lua: syntax error at the end of the file",
		"dir/lib.lua:7: attempt to index nil",
		"the script has been stuck for 10s",
		"dir/a.lua:1: x\ny\n\tcalled from: z",
	}
	want := []string{
		"dir/a.lua:2: syntax error near ')' (column 3)",
		"dir/a.lua:5: entry 3: found the number 3",
		"dir/a.lua:6: ShellCommand, entry 4: field `command` must be a string: a; b",
		"dir/a.lua:2: Function: field `call`",
		"dir/a.lua: syntax error at the end of the file",
		"dir/lib.lua:7: attempt to index nil",
		"dir/a.lua: the script has been stuck for 10s",
		"dir/a.lua:1: x y called from: z",
	}
	got := ErrorLines(fmt.Errorf("wrapped: %w", &luaapi.LoadError{Path: "dir/a.lua", Problems: problems}))
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := ErrorLines(&missingError{"dir", errMissing}); !slices.Equal(got, []string{"dir: no such file or folder"}) {
		t.Errorf("missing: %q", got)
	}
	if got := ErrorLines(errors.New("a\nb")); !slices.Equal(got, []string{"a b"}) {
		t.Errorf("another: %q", got)
	}
}
