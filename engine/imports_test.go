package engine

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mayImport is the table of docs/architecture.md: what each package may import beside the standard library.
// A name that ends in /... stands for all below it as well.
var mayImport = map[string][]string{
	"cmd/...": {"everything"},
	"engine":  {"scheduler", "luaapi", "internal/...", "go.uber.org/zap/...", "github.com/robfig/cron/v3"},
	"luaapi": {
		"internal/message", "internal/reader", "internal/command", "internal/nagios", "internal/luapattern", "internal/state", "internal/loglimit",
		"github.com/yuin/gopher-lua/...", "layeh.com/gopher-luar", "go.uber.org/zap/...",
		"github.com/agnivade/levenshtein", "golang.org/x/sys/...",
	},
	"scheduler":           {},
	"scripts":             {},
	"internal/message":    {},
	"internal/luapattern": {},
	"internal/nagios":     {"internal/message"},
	"internal/command":    {"golang.org/x/sys/..."},
	"internal/reader":     {"internal/command", "golang.org/x/sys/..."},
	"internal/spool":      {"internal/message", "go.uber.org/zap/...", "golang.org/x/sys/..."},
	"internal/systemd":    {"go.uber.org/zap/...", "golang.org/x/sys/..."},
	"internal/watch":      {"go.uber.org/zap/...", "github.com/fsnotify/fsnotify"},
	"internal/control":    {"go.uber.org/zap/...", "golang.org/x/sys/..."},
	"internal/output": {"internal/message", "internal/spool", "go.uber.org/zap/...", "golang.org/x/sys/...", "github.com/agnivade/levenshtein", "github.com/nats-io/nats.go", "github.com/tinylib/msgp/msgp",
		"go.opentelemetry.io/proto/otlp/...", "google.golang.org/protobuf/..."},
	"internal/logconfig": {"go.uber.org/zap/...", "go.yaml.in/yaml/v3", "github.com/agnivade/levenshtein", "golang.org/x/sys/..."},
	"internal/loglimit":  {"go.uber.org/zap/...", "golang.org/x/time/rate"},
	"internal/state":     {"go.etcd.io/bbolt", "golang.org/x/sys/..."},
	"internal/peers":     {"github.com/nats-io/...", "github.com/tinylib/msgp/msgp", "go.opentelemetry.io/proto/otlp/...", "google.golang.org/protobuf/..."}, // in no binary
	"internal/soak":      {"internal/peers"},                                                                                                                 // runs the binary for minutes; in no binary
	"internal/profile":   {"google.golang.org/protobuf/..."},                                                                                                 // makes cmd/dumbprobe/default.pgo; in no binary
	"internal/apidocs":   {"luaapi"},                                                                                                                         // generates docs/reference.md and scripts/meta; in no binary
}

const module = "dumbprobe/"

func TestPackagesImportWhatTheArchitectureAllows(t *testing.T) {
	t.Parallel()
	list := exec.CommandContext(t.Context(), "go", "list", "-pgo=off", "-json=ImportPath,Standard,Imports", "-deps", "./...")
	list.Dir = ".."
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		if _, missing := exec.LookPath("go"); missing != nil && os.Getenv("CI") != "true" {
			t.Skip("the go command is not there to list the imports: ", missing)
		}
		t.Fatalf("%v: %s", err, stderr.String())
	}
	standard := map[string]bool{}
	own := map[string][]string{}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var p struct {
			ImportPath string
			Standard   bool
			Imports    []string
		}
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		if p.Standard {
			standard[p.ImportPath] = true
		} else if name, ok := strings.CutPrefix(p.ImportPath, module); ok {
			own[name] = p.Imports
		}
	}
	if len(own) < 10 {
		t.Fatalf("found the packages %v only", own)
	}
	for name, imports := range own {
		allowed, known := allowedFor(name)
		if !known {
			t.Errorf("%s is not in the table: add it here and in docs/architecture.md, with what it may import", name)
			continue
		}
		for _, path := range imports {
			path = strings.TrimPrefix(path, module)
			if (path == "engine" || strings.HasPrefix(path, "cmd/")) && !strings.HasPrefix(name, "cmd/") {
				t.Errorf("%s imports %s, which only cmd may", name, path)
			} else if !standard[path] && !slices.ContainsFunc(allowed, func(pattern string) bool { return matches(pattern, path) }) {
				t.Errorf("%s imports %s, which the table does not allow", name, path)
			}
		}
	}
	for pattern := range mayImport {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(own)), func(name string) bool { return matches(pattern, name) }) {
			t.Errorf("the table has %s, which is no package", pattern)
		}
	}
}

func allowedFor(name string) ([]string, bool) {
	for pattern, allowed := range mayImport {
		if matches(pattern, name) {
			return allowed, true
		}
	}
	return nil, false
}

func matches(pattern, path string) bool {
	prefix, below := strings.CutSuffix(pattern, "/...")
	return pattern == "everything" || path == prefix || below && strings.HasPrefix(path, prefix+"/")
}

// LState.SetMx has a goroutine that looks at the heap of the whole process, and ends the process when that is large.
func TestNobodyUsesGopherLuasMemoryLimit(t *testing.T) {
	t.Parallel()
	call := []byte(".SetMx" + "(")
	files := 0
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		if err == nil && bytes.Contains(text, call) {
			t.Errorf("%s uses it", path)
		}
		return err
	})
	if err != nil || files < 100 {
		t.Errorf("%d files were looked at, %v", files, err)
	}
}
