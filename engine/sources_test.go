package engine

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestSourcesAreWhatTheNextReloadLooksAt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, sub := range []string{"checks/lib", "more"} {
		if err := os.MkdirAll(at(sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, at("checks/a.lua"), `local words = require "lib.words"; return {dp.Function{name = "a", interval = 60, call = function() return {words = words} end}}`)
	write(t, at("checks/lib/words.lua"), `return 5`)
	write(t, at("checks/b.lua"), `require "lib.broken"; return {}`)
	write(t, at("checks/lib/broken.lua"), `return {`)
	write(t, at("more/c.lua"), `return {`)
	write(t, at("missing.lua"), `return {}`)
	d := launch(t, Options{Checks: []string{at("checks"), at("more/c.lua"), at("missing.lua")}})
	if err := os.Remove(at("missing.lua")); err != nil {
		t.Fatal(err)
	}
	if err := d.Reload(t.Context()); err == nil {
		t.Fatal("the reload does not fail")
	}
	has := func(paths ...string) {
		t.Helper()
		all := d.Sources()
		for _, path := range paths {
			if !slices.Contains(all, at(path)) {
				t.Errorf("%s is not among %q", path, all)
			}
		}
	}
	has("checks", "checks/a.lua", "checks/lib/words.lua", // of what runs
		"checks/b.lua", "checks/lib/broken.lua", "more/c.lua", "missing.lua") // of what does not load
	if !d.Outdated() {
		t.Error("files that do not load are not tried again")
	}

	write(t, at("checks/lib/broken.lua"), `return {}`)
	write(t, at("more/c.lua"), `return {}`)
	write(t, at("missing.lua"), `return {}`)
	d.reload()
	has("checks/b.lua", "checks/lib/broken.lua")
	if d.Outdated() {
		t.Error("it is outdated right after a reload")
	}
	write(t, at("checks/lib/words.lua"), `return 6`)
	if !d.Outdated() {
		t.Error("a module that has changed does not count")
	}
}
