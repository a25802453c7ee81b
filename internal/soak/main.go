// Soak runs the binary for minutes against destinations that misbehave, with kills of the daemon and of its peers, and
// counts what comes out: make soak. It is a program for a person; nothing imports it, and no binary contains it.
//
// The daemon makes numbered messages and sends each to all destinations. A peer is a process of its own (this program
// again) that appends what it has received to a file; between it and the daemon there is a proxy that delays, stops,
// resets and half-opens. In the end the files are counted: what was sent, what came, what is lost, what came twice.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	runtime.LockOSThread() // all processes are started on this thread, and end with it
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		stop()
		os.Exit(1)
	}
}

// settings are the flags.
type settings struct {
	binary string
	kinds  string
	last   time.Duration
	rate   int
	seed   uint64
	memory bool
	dir    string
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 0 && args[0] == peerCommand {
		return peerMain(ctx, args[1:])
	}
	var s settings
	fs := flag.NewFlagSet("soak", flag.ContinueOnError)
	fs.StringVar(&s.binary, "binary", "./dumbprobe", "the daemon")
	fs.StringVar(&s.kinds, "kinds", "", "some of the kinds, with commas between; all if empty")
	fs.DurationVar(&s.last, "for", 2*time.Minute, "how long messages are sent")
	fs.IntVar(&s.rate, "rate", 1000, "messages a second")
	fs.Uint64Var(&s.seed, "seed", uint64(time.Now().UnixNano()), "of what happens when")
	fs.BoolVar(&s.memory, "memory", false, "spool in memory, and do not kill the daemon")
	fs.StringVar(&s.dir, "dir", "", "keep all files in this folder; a temporary one, removed if all went well, if empty")
	if err := fs.Parse(args); err != nil {
		return err
	}
	chosen, err := choose(s.kinds)
	if err != nil {
		return err
	}
	return soak(ctx, s, chosen, out)
}

func choose(names string) (chosen []kind, err error) {
	if names == "" {
		return kinds, nil
	}
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no kind %q", name)
		}
		chosen = append(chosen, kinds[i])
	}
	return chosen, nil
}

// catchUp is how long the daemon gets in the end, when all is well again, for what has not yet come.
const catchUp = 2 * time.Minute

func soak(ctx context.Context, s settings, chosen []kind, out io.Writer) (err error) {
	dir := s.dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "soak"); err != nil {
			return err
		}
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	fmt.Fprintf(out, "%v at %d messages a second, seed %d, files in %s\n", s.last, s.rate, s.seed, dir)
	random := rand.New(rand.NewPCG(s.seed, 0))

	var targets []*target
	defer func() {
		for _, t := range targets {
			t.end()
		}
	}()
	for _, k := range chosen {
		t, err := newTarget(k, dir)
		if err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		targets = append(targets, t)
	}
	d := &daemon{settings: s, dir: dir, targets: targets}
	if err := d.start(); err != nil {
		return err
	}
	defer d.kill()

	misbehave(ctx, s, random, d, targets)
	for _, t := range targets {
		if err := t.heal(); err != nil {
			return err
		}
	}
	if err := d.quiet(); err != nil {
		return err
	}
	total, err := await(ctx, d, targets)
	if err != nil {
		return err
	}
	if err := d.stop(); err != nil {
		return err
	}
	bad := report(out, total, targets)
	fmt.Fprintf(out, "the daemon was killed %d times, peers %d times, %d times a proxy delayed, stopped, reset or half-opened\n", d.kills, d.peerKills, d.cuts)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if bad {
		return fmt.Errorf("messages were lost that should not be; the files are in %s", dir)
	}
	if s.dir == "" {
		return os.RemoveAll(dir)
	}
	return nil
}

// leastKilled is the one of those with a peer whose peer was killed the fewest times; nil if none has one.
func leastKilled(targets []*target) *target {
	var least *target
	for _, t := range targets {
		if t.peer != nil && (least == nil || t.kills < least.kills) {
			least = t
		}
	}
	return least
}

// misbehave lets things happen, until it is over. Each peer has its turn at being killed.
func misbehave(ctx context.Context, s settings, random *rand.Rand, d *daemon, targets []*target) {
	ctx, cancel := context.WithTimeout(ctx, s.last)
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.ended:
			return
		case <-time.After(time.Duration(200+random.IntN(800)) * time.Millisecond):
		}
		t, victim := targets[random.IntN(len(targets))], leastKilled(targets)
		switch what := random.IntN(20); {
		case what == 0 && !s.memory:
			d.kill()
			d.kills++
			time.Sleep(time.Duration(random.IntN(2000)) * time.Millisecond)
			if err := d.start(); err != nil {
				return // await says so
			}
		case what <= 3 && victim != nil:
			victim.stopPeer()
			d.peerKills++
			time.Sleep(time.Duration(random.IntN(2000)) * time.Millisecond)
			_ = victim.startPeer() // heal says so
		case t.proxy != nil:
			t.proxy.misbehave(random)
			d.cuts++
		}
	}
}

// await waits until all that was sent has come, or until it does not come any more.
func await(ctx context.Context, d *daemon, targets []*target) (tally, error) {
	deadline := time.Now().Add(catchUp)
	last, since := 0, time.Now()
	for {
		for _, t := range targets {
			if err := t.count(); err != nil {
				return tally{}, err
			}
		}
		total := sentBy(targets)
		missing, came := 0, 0
		for _, t := range targets {
			missing += t.got.missing(total)
			came += t.got.lines
		}
		if came != last {
			last, since = came, time.Now()
		}
		// Ten quiet seconds are more than any back-off that has begun to succeed.
		if quiet := time.Since(since); missing == 0 && quiet > time.Second || quiet > 45*time.Second || time.Now().After(deadline) {
			return total, nil
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return total, nil
		case <-d.ended:
			return total, errors.New("the daemon has ended by itself; see its log")
		}
	}
}
