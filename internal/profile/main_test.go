package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"runtime/pprof"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// texts are the strings of a profile, in their order, and all else of it.
func texts(t *testing.T, packed []byte) (all []string, rest []byte) {
	t.Helper()
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	profile, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	for len(profile) > 0 {
		field, kind, size := protowire.ConsumeTag(profile)
		value := protowire.ConsumeFieldValue(field, kind, profile[size:])
		if size < 0 || value < 0 {
			t.Fatal("this is no profile")
		}
		if field == stringTable {
			text, _ := protowire.ConsumeString(profile[size:])
			all = append(all, text)
		} else {
			rest = append(rest, profile[:size+value]...)
		}
		profile = profile[size+value:]
	}
	return all, rest
}

func isPath(text string) bool { return strings.HasPrefix(text, "/") }

func TestTheProfileKeepsAllButThePaths(t *testing.T) {
	var before, after bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&before, 0); err != nil {
		t.Fatal(err)
	}
	if err := run(bytes.NewReader(before.Bytes()), &after); err != nil {
		t.Fatal(err)
	}
	had, restBefore := texts(t, before.Bytes())
	has, restAfter := texts(t, after.Bytes())
	if !slices.ContainsFunc(had, isPath) {
		t.Fatalf("the profile has no path to begin with: %q", had)
	}
	if i := slices.IndexFunc(has, isPath); i >= 0 {
		t.Errorf("%q is still there", has[i])
	}
	if len(had) != len(has) || !bytes.Equal(restBefore, restAfter) {
		t.Errorf("of %d texts there are %d; the rest is the same: %v", len(had), len(has), bytes.Equal(restBefore, restAfter))
	}
	if !slices.Contains(has, "runtime/pprof.(*Profile).WriteTo") {
		t.Errorf("the names of functions are %q", has)
	}
}

func TestWhatIsNoProfileIsRefused(t *testing.T) {
	for name, in := range map[string][]byte{
		"a text":              []byte("no profile"),
		"nothing":             nil,
		"a cut one":           packed([]byte{stringTable<<3 | 2, 100, 'x'}),
		"a number for a text": packed([]byte{stringTable << 3, 1}),
	} {
		t.Run(name, func(t *testing.T) {
			if err := run(bytes.NewReader(in), io.Discard); err == nil {
				t.Error("it was taken")
			}
		})
	}
}

func packed(profile []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(profile)
	_ = w.Close()
	return b.Bytes()
}

// What the binary is built with knows no machine, and what is called most.
func TestTheProfileOfTheBuild(t *testing.T) {
	profile, err := os.ReadFile("../../cmd/dumbprobe/default.pgo")
	if err != nil {
		t.Fatal(err)
	}
	all, _ := texts(t, profile)
	if i := slices.IndexFunc(all, isPath); i >= 0 {
		t.Errorf("it has a path: %q", all[i])
	}
	for _, function := range []string{
		"github.com/yuin/gopher-lua.mainLoopWithContext",
		"dumbprobe/luaapi.(*VM).Do",
		"dumbprobe/engine.(*turns).serve",
		"dumbprobe/scheduler.(*Loop).startDue",
	} {
		if !slices.Contains(all, function) {
			t.Errorf("it does not know %s", function)
		}
	}
}
