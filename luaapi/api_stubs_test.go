package luaapi

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/yuin/gopher-lua/parse"
)

func TestStubsAreUpToDate(t *testing.T) {
	dir := filepath.Join("..", "scripts", "meta")
	stubs := Stubs()
	for name, text := range stubs {
		checkGenerated(t, filepath.Join(dir, name), text)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, ok := stubs[f.Name()]; !ok {
			t.Errorf("%s is not made of the table of the Lua API; %s", filepath.Join(dir, f.Name()), regenerate)
		}
	}
}

func TestStubsAreLua(t *testing.T) {
	for name, text := range Stubs() {
		if _, err := parse.Parse(bytes.NewReader(text), name); err != nil {
			t.Error(err)
		}
		// LuaLS takes the name for require from this line.
		if want := "---@meta " + strings.TrimSuffix(name, ".lua") + "\n"; !bytes.HasPrefix(text, []byte(want)) {
			t.Errorf("%s does not begin with %q", name, want)
		}
	}
}

var (
	definedType = regexp.MustCompile(`(?m)^---@(?:class|alias) (\S+)`)
	annotation  = regexp.MustCompile(`(?m)^---@(field|param|return|type|class|alias|overload) (.*)$`)
	usedType    = regexp.MustCompile(`dumbprobe(?:\.\w+)*`)
)

// Every type that an annotation names is defined, once, in one of the files.
func TestStubsDefineTheirTypes(t *testing.T) {
	defined := map[string]string{}
	for name, text := range Stubs() {
		for _, m := range definedType.FindAllSubmatch(text, -1) {
			if other, ok := defined[string(m[1])]; ok {
				t.Errorf("%s is defined in %s and in %s", m[1], other, name)
			}
			defined[string(m[1])] = name
		}
	}
	for name, text := range Stubs() {
		for _, m := range annotation.FindAllSubmatch(text, -1) {
			types, _, _ := strings.Cut(string(m[2]), " # ")
			for _, used := range usedType.FindAllString(types, -1) {
				if _, ok := defined[used]; !ok {
					t.Errorf("%s: %s is not defined: %s", name, used, m[0])
				}
			}
		}
	}
}

// Everything that a script can reach in a module is in the module's stub.
func TestStubsAreComplete(t *testing.T) {
	stubs := Stubs()
	for _, m := range Modules() {
		if m.Standard {
			continue
		}
		text := string(stubs[m.Name+".lua"])
		local := m.Name[strings.LastIndexByte(m.Name, '.')+1:]
		var want []string
		for _, f := range m.Functions {
			want = append(want, "\nfunction "+local+"."+f.Name+"(")
		}
		for _, c := range m.Constants {
			want = append(want, "\n"+local+"."+c.Name+" = ")
		}
		for i := range m.Classes {
			c := &m.Classes[i]
			if callable(c) {
				want = append(want, "\n"+local+"."+c.Name+" = ")
			}
			for _, f := range c.Methods {
				want = append(want, "\nfunction "+c.Name+":"+f.Name+"(")
			}
			for _, a := range c.Attributes {
				want = append(want, "\n---@field "+a.Name)
			}
		}
		for _, part := range want {
			if !strings.Contains(text, part) {
				t.Errorf("the stub of %s lacks %q", m.Name, part)
			}
		}
	}
}

func TestStubsPassLuacheck(t *testing.T) {
	path, err := exec.LookPath("luacheck")
	if err != nil {
		skip(t, "luacheck is not installed (Debian: lua-check)")
	}
	cmd := exec.Command(path, "--no-color", "--quiet", "--codes", "scripts/meta")
	cmd.Dir = ".." // where .luacheckrc is
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// skip skips a test for what this machine lacks; where everything has to be there, that is a failure.
func skip(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}
