package main

import (
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"dumbprobe/engine"
	"dumbprobe/internal/output"
)

func optionsOf(t *testing.T, args string) engine.Options {
	t.Helper()
	cmd := &cobra.Command{}
	var f runFlags
	f.add(cmd)
	if err := cmd.ParseFlags(strings.Fields(args)); err != nil {
		t.Fatal(err)
	}
	return f.engineOptions(process{stdout: io.Discard, version: "v1"}, zap.NewNop())
}

func TestDefaultsReachTheEngine(t *testing.T) {
	o := optionsOf(t, "")
	if len(o.Checks) != 0 || len(o.Destinations) != 0 || o.SpoolBytes != 20<<20 || o.SpoolDir != "" || o.SpoolSync != time.Second || o.Timeout != time.Minute ||
		o.Grace != 10*time.Second || o.LoadTimeout != 5*time.Second || o.MaxCommands != 64 || o.MaxInstructions != 0 || o.MaxScriptMemory != 256<<20 ||
		o.SelfMessages != engine.SelfChanges || o.Logger == nil || o.Stdout == nil || o.Version != "v1" {
		t.Errorf("got %+v", o)
	}
}

func TestFlagsReachTheEngine(t *testing.T) {
	o := optionsOf(t, "--checks a,b.lua --checks dir --destination tcp:[::1]:80 --destination stdout --max-spool 1MB --spool s --spool-sync 0 --timeout 1m30s "+
		"--grace 0 --load-timeout 0.5 --max-commands 3 --max-commands-per-script 2 --max-instructions 1000000 --max-script-memory 1GiB --self-messages all")
	if !slices.Equal(o.Checks, []string{"a,b.lua", "dir"}) {
		t.Errorf("the checks are %q", o.Checks)
	}
	if !reflect.DeepEqual(o.Destinations, []output.Address{{Scheme: "tcp", Host: "::1", Port: "80"}, {Scheme: "stdout"}}) {
		t.Errorf("the destinations are %v", o.Destinations)
	}
	if o.SpoolBytes != 1e6 || o.SpoolDir != "s" || o.SpoolSync != 0 || o.Timeout != 90*time.Second || o.LoadTimeout != 500*time.Millisecond || o.MaxCommands != 3 || o.ScriptCommands != 2 ||
		o.MaxInstructions != 1e6 || o.MaxScriptMemory != 1<<30 || o.SelfMessages != engine.SelfAll {
		t.Errorf("got %+v", o)
	}
	if o.Grace <= 0 || o.Grace > time.Millisecond {
		t.Errorf("no grace is %v; zero would be the engine's default", o.Grace)
	}
}
