package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"dumbprobe/engine"
	"dumbprobe/luaapi"
)

func TestTheLastReloadIsRemembered(t *testing.T) {
	var l lastReload
	if result, busy := l.state(); result != nil || busy {
		t.Errorf("before: %v, %v", result, busy)
	}
	during := func(context.Context) error {
		if _, busy := l.state(); !busy {
			t.Error("it is not seen while it runs")
		}
		return &engine.ReloadError{Errs: []error{errors.New("x")}}
	}
	_ = l.watch(during)(t.Context())
	if result, busy := l.state(); result == nil || result.OK || len(result.Errors) != 1 || result.Started == 0 || busy {
		t.Errorf("after: %+v, %v", result, busy)
	}
	_ = l.watch(func(context.Context) error { return errStopping })(t.Context()) // it was none
	if result, _ := l.state(); result == nil || result.OK {
		t.Errorf("after none: %+v", result)
	}
	_ = l.watch(func(context.Context) error { return nil })(t.Context())
	if result, _ := l.state(); !result.OK || result.Errors == nil {
		t.Errorf("after another: %+v", result)
	}
}

func TestResultOfAReload(t *testing.T) {
	err := &engine.ReloadError{Errs: []error{
		&luaapi.LoadError{Path: "a.lua", Problems: []string{"a.lua:1: x", "Function at a.lua:2, entry 1: y"}},
		fmt.Errorf("wrapped: %w", &luaapi.LoadError{Path: "b.lua", Problems: []string{"z"}}),
	}}
	got := resultOf(err, time.Now(), 0)
	if got.OK || fmt.Sprint(got.Errors) != "[{a.lua a.lua:1: x} {a.lua a.lua:2: Function, entry 1: y} {b.lua b.lua: z}]" {
		t.Errorf("got %+v", got)
	}
	if got := resultOf(nil, time.Now(), 0); !got.OK || got.Errors == nil {
		t.Errorf("got %+v", got)
	}
}

func TestNearestName(t *testing.T) {
	names := []string{"Disk Space", "uptime", "host.lua#3 Function"}
	for name, want := range map[string]string{
		"disk space": `, did you mean "Disk Space"?`, "uptme": `, did you mean "uptime"?`, "host.lua#2 Function": `, did you mean "host.lua#3 Function"?`,
		"disk": `, did you mean "Disk Space"?`, "xyz": "; dumbprobe status lists all", "": "; dumbprobe status lists all",
	} {
		if got := nearest(name, names); got != want {
			t.Errorf("%q: %s", name, got)
		}
	}
}
