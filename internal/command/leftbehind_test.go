package command

import (
	"context"
	"io"
	"sync"
	"testing"
)

// What is left behind by a command that ends by itself.
func TestWhatCommandsLeaveBehindIsEnded(t *testing.T) {
	const (
		inGroup  = `sleep 100 >/dev/null 2>&1 & echo $! >>$F`
		escaped  = `setsid sh -c 'echo $$ >>$F; exec sleep 100' >/dev/null 2>&1 & while ! test -s $F; do sleep 0.01; done`
		holding  = `setsid sh -c 'echo $$ >>$F; exec sleep 100' & while ! test -s $F; do sleep 0.01; done`
		stubborn = `setsid sh -c 'trap "" TERM; echo $$ >>$F; while :; do sleep 1; done' >/dev/null 2>&1 & while ! test -s $F; do sleep 0.01; done`
	)
	run := func(t *testing.T, r *Runner, s Spec) { mustRun(t, r, s) }
	stream := func(t *testing.T, r *Runner, s Spec) {
		started, err := r.Start(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		go io.Copy(io.Discard, started.Stdout())
		go io.Copy(io.Discard, started.Stderr())
		if result, err := started.Wait(); err != nil || result.Code != 0 {
			t.Errorf("%+v, %v", result, err)
		}
		started.Close()
	}
	for _, tt := range []struct {
		name, line string
		do         func(t *testing.T, r *Runner, s Spec)
		atClose    bool // not before
	}{
		{"by a stream, in its group", inGroup, stream, false},
		{"by a stream, in a session of its own", escaped, stream, false},
		{"by a stream, which holds its pipes", holding, stream, false},
		{"by a stream, which ignores TERM", stubborn, stream, false},
		{"by a command, in a session of its own, which holds its pipes", holding, run, false},
		{"by a command, in its group", inGroup, run, true},
		{"by a command, in a session of its own", escaped, run, true},
		{"by a command, which ignores TERM", stubborn, run, true},
	} {
		for name, mode := range map[string]CgroupMode{"proc": CgroupOff, "cgroup": CgroupAuto} {
			t.Run(tt.name+", "+name, func(t *testing.T) {
				o := quick()
				o.Cgroup = mode
				r := newRunner(t, o)
				file := newPidFile(t)
				tt.do(t, r, Spec{Argv: Shell(tt.line), Env: []string{"F=" + string(file)}})
				pid := file.pids(t, 1)[0]
				if tt.atClose {
					if !aliveNow(pid) {
						t.Error("it was not left alone")
					}
					r.Close()
				}
				if aliveNow(pid) {
					t.Error("it is still there")
				}
				waitFor(t, "it to be reaped", func() bool { r.ReapOrphans(); _, err := readProc(pid); return err != nil })
			})
		}
	}
}

// To look through all processes for each of them would take longer than they may take to end.
func TestManyCommandsThatAreEndedAtOnceCountProcessesTogether(t *testing.T) {
	const n = 100
	o := quick()
	o.MaxCommands = n
	r := newRunner(t, o)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			_, err := r.Run(ctx, Spec{Argv: []string{"sleep", "100"}})
			killedErr(t, err)
		})
	}
	waitFor(t, "all to run", func() bool { return r.Stats().Started == n })
	cancel()
	all.Wait()
	r.census.mu.Lock()
	defer r.census.mu.Unlock()
	if got := r.census.counts; got < 2 || got > n/2 {
		t.Errorf("the processes were counted %d times for %d commands", got, n)
	}
}
