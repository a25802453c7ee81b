package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"dumbprobe/internal/control"
)

// patience is how long a script waits for what must come.
const patience = 20 * time.Second

// raceOptions keep the race detector from waiting a second at the end of each process.
const raceOptions = "atexit_sleep_ms=0"

// TestScripts runs testdata/script: the real binary, with real commands and sockets.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("..", "..", "testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Values[daemonsKey{}] = map[string]*background{}
			env.Values[peersKey{}] = map[string]*servingPeer{}
			env.Setenv("GORACE", raceOptions)
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name != "ci" { // there, nothing that a test needs is missing
				return false, fmt.Errorf("unknown condition %q", name)
			}
			return os.Getenv("CI") == "true", nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"daemon":  cmdDaemon,
			"signal":  cmdSignal,
			"exits":   cmdExits,
			"waitfor": cmdWaitFor,
			"unread":  cmdUnread,
			"jsonl":   cmdJSONL,
			"counts":  cmdCounts,
			"reloads": cmdReloads,
			"storm":   cmdStorm,
			"listen":  cmdListen,
			"peer":    cmdPeer,

			"notifysocket": cmdNotifySocket,
		},
	})
}

// background is a dumbprobe that a script has started.
type background struct {
	cmd    *exec.Cmd
	pipe   *os.File // its stdout, where daemon -pipe was used
	ended  chan struct{}
	status int // valid once ended is closed
}

type daemonsKey struct{}

func daemons(ts *testscript.TestScript) map[string]*background {
	return ts.Value(daemonsKey{}).(map[string]*background)
}

func need(ts *testscript.TestScript, ok bool, usage string) {
	if !ok {
		ts.Fatalf("usage: %s", usage)
	}
}

// cmdDaemon starts dumbprobe: daemon [-pipe] NAME ARG... Its output goes to the files NAME.out and NAME.err.
// With -pipe, stdout is a pipe instead, of which one line is read, into NAME.out: see unread.
func cmdDaemon(ts *testscript.TestScript, neg bool, args []string) {
	pipe := len(args) > 0 && args[0] == "-pipe"
	if pipe {
		args = args[1:]
	}
	need(ts, !neg && len(args) >= 1, "daemon [-pipe] NAME ARG...")
	name := args[0]
	b := &background{cmd: exec.Command("dumbprobe", args[1:]...), ended: make(chan struct{})}
	b.cmd.Dir = ts.MkAbs(".")
	b.cmd.Env = append(os.Environ(), "GORACE="+raceOptions)
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC"} { // see notifysocket
		if value := ts.Getenv(name); value != "" {
			b.cmd.Env = append(b.cmd.Env, name+"="+value)
		}
	}
	stdout, err := os.Create(ts.MkAbs(name + ".out"))
	ts.Check(err)
	defer stdout.Close()
	stderr, err := os.Create(ts.MkAbs(name + ".err"))
	ts.Check(err)
	defer stderr.Close()
	b.cmd.Stdout, b.cmd.Stderr = stdout, stderr
	if pipe {
		r, w, err := os.Pipe()
		ts.Check(err)
		defer w.Close()
		b.cmd.Stdout, b.pipe = w, r
	}
	ts.Check(b.cmd.Start())
	go func() {
		defer close(b.ended)
		err := b.cmd.Wait()
		b.status = b.cmd.ProcessState.ExitCode()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			b.status = -1
		}
	}()
	daemons(ts)[name] = b
	ts.Defer(func() {
		_ = b.cmd.Process.Kill()
		<-b.ended
		if b.pipe != nil {
			b.pipe.Close()
		}
	})
	if pipe {
		line, err := bufio.NewReader(b.pipe).ReadBytes('\n')
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(name+".out"), line, 0o644))
	}
}

func started(ts *testscript.TestScript, name string) *background {
	b := daemons(ts)[name]
	if b == nil {
		ts.Fatalf("no daemon %s was started", name)
	}
	return b
}

// cmdSignal sends a signal: signal NAME HUP|INT|TERM|STOP|CONT|KILL.
func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 2, "signal NAME HUP|INT|TERM|STOP|CONT|KILL")
	s, ok := map[string]os.Signal{"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "TERM": syscall.SIGTERM,
		"STOP": syscall.SIGSTOP, "CONT": syscall.SIGCONT, "KILL": syscall.SIGKILL}[args[1]]
	need(ts, ok, "signal NAME HUP|INT|TERM|STOP|CONT|KILL")
	ts.Check(started(ts, args[0]).cmd.Process.Signal(s))
}

// cmdExits waits for the end of a daemon: exits NAME STATUS.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 2, "exits NAME STATUS")
	b := started(ts, args[0])
	select {
	case <-b.ended:
	case <-time.After(patience):
		ts.Fatalf("%s did not end; its log:\n%s", args[0], ts.ReadFile(args[0]+".err"))
	}
	if strconv.Itoa(b.status) != args[1] {
		ts.Fatalf("the status is %d, want %s; the log:\n%s", b.status, args[1], ts.ReadFile(args[0]+".err"))
	}
}

// cmdUnread closes the pipe that a daemon writes to: unread NAME.
func cmdUnread(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 1 && started(ts, args[0]).pipe != nil, "unread NAME, of daemon -pipe NAME")
	ts.Check(started(ts, args[0]).pipe.Close())
}

// cmdWaitFor waits until COUNT lines (1 if it is not given) of FILE match: waitfor FILE REGEXP [COUNT].
func cmdWaitFor(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && (len(args) == 2 || len(args) == 3), "waitfor FILE REGEXP [COUNT]")
	pattern, err := regexp.Compile(`(?m)` + args[1])
	ts.Check(err)
	count := 1
	if len(args) == 3 {
		count, err = strconv.Atoi(args[2])
		ts.Check(err)
	}
	var text []byte
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		text, err = os.ReadFile(ts.MkAbs(args[0]))
		if err != nil && !os.IsNotExist(err) {
			ts.Check(err)
		}
		n := 0
		for line := range bytes.Lines(text) {
			if bytes.HasSuffix(line, []byte("\n")) && pattern.Match(line) {
				n++
			}
		}
		if n >= count {
			return
		}
		time.Sleep(5 * time.Millisecond) // between two looks; nothing depends on how long it is
	}
	ts.Fatalf("%d lines like %q did not come in %s:\n%s", count, args[1], args[0], text)
}

// cmdJSONL wants each line of a file to be one JSON object: jsonl FILE [COUNT]. FILE may be stdout.
func cmdJSONL(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && (len(args) == 1 || len(args) == 2), "jsonl FILE [COUNT]")
	text, n := ts.ReadFile(args[0]), 0
	for line := range strings.Lines(text) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil || object == nil || !strings.HasSuffix(line, "\n") {
			ts.Fatalf("line %d of %s is not one JSON object: %q", n+1, args[0], line)
		}
		n++
	}
	if len(args) == 2 && strconv.Itoa(n) != args[1] {
		ts.Fatalf("%s has %d lines, want %s:\n%s", args[0], n, args[1], text)
	}
}

// cmdCounts waits until FILE has a line with KEY above MIN, and wants the values of KEY in it to be 1, 2, 3, …:
// counts FILE KEY MIN. It sets the variable KEY to the last of them.
func cmdCounts(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 3, "counts FILE KEY MIN")
	at, err := strconv.Atoi(args[2])
	ts.Check(err)
	ts.Setenv(args[1], strconv.Itoa(counted(ts, args[0], args[1], at)))
}

func counted(ts *testscript.TestScript, file, key string, above int) (last int) {
	var text []byte
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		var err error
		text, err = os.ReadFile(ts.MkAbs(file))
		ts.Check(err)
		last = 0
		for line := range bytes.Lines(text) {
			var m map[string]any
			if !bytes.HasSuffix(line, []byte("\n")) || json.Unmarshal(line, &m) != nil || m[key] == nil {
				continue
			}
			if n, _ := m[key].(float64); n != float64(last+1) {
				ts.Fatalf("%s comes after %s %d in %s", bytes.TrimSpace(line), key, last, file)
			}
			last++
		}
		if last > above {
			return last
		}
		time.Sleep(5 * time.Millisecond) // between two looks; nothing depends on how long it is
	}
	ts.Fatalf("%s did not come above %d in %s", key, above, file)
	return 0
}

// cmdReloads changes SCRIPT and has the daemon NAME load it, COUNT times, while it counts KEY in its output; each
// fifth time the script is broken: reloads NAME SCRIPT COUNT KEY. VERSION in the script stands for the number of
// the reload.
func cmdReloads(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 4, "reloads NAME SCRIPT COUNT KEY")
	name, script, key := args[0], ts.MkAbs(args[1]), args[3]
	count, err := strconv.Atoi(args[2])
	ts.Check(err)
	source := ts.ReadFile(args[1])
	for i := 1; i <= count; i++ {
		text := strings.ReplaceAll(source, "VERSION", strconv.Itoa(i))
		if i%5 == 0 && i < count {
			text = "return {"
		}
		ts.Check(os.WriteFile(script+".new", []byte(text), 0o644))
		ts.Check(os.Rename(script+".new", script))
		ts.Check(started(ts, name).cmd.Process.Signal(syscall.SIGHUP))
		cmdWaitFor(ts, false, []string{name + ".err", `"unchanged":`, strconv.Itoa(i)})
		counted(ts, name+".out", key, counted(ts, name+".out", key, 0))
	}
}

// cmdStorm asks COUNT times for a reload over the control socket, many at once, each time after SCRIPT was replaced by
// itself with another VERSION, or by something that does not load: storm SOCKET SCRIPT COUNT. At the end comes one
// that does not load for sure, and then the last version.
func cmdStorm(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 3, "storm SOCKET SCRIPT COUNT")
	script, source := ts.MkAbs(args[1]), ts.ReadFile(args[1])
	count, err := strconv.Atoi(args[2])
	ts.Check(err)
	put := func(name, text string) error {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return err
		}
		return os.Rename(name, script)
	}
	client := control.NewClient(ts.MkAbs(args[0]))
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	defer cancel()
	var asking sync.WaitGroup
	failed := make(chan error, count)
	slots := make(chan struct{}, 100)
	for i := range count {
		slots <- struct{}{}
		asking.Go(func() {
			defer func() { <-slots }()
			text := strings.ReplaceAll(source, "VERSION", strconv.Itoa(i))
			if i%3 == 0 {
				text = "return {"
			}
			if err := put(fmt.Sprintf("%s.%d", script, i), text); err != nil {
				failed <- err
				return
			}
			result, err := client.Reload(ctx)
			switch {
			case err != nil:
				failed <- err
			case result.OK:
			case len(result.Errors) == 1 && strings.Contains(result.Errors[0].Text, "syntax error"):
			default:
				failed <- fmt.Errorf("%+v", result)
			}
		})
	}
	asking.Wait()
	close(failed)
	for err := range failed {
		ts.Check(err)
	}
	// Which of the versions above were loaded is up to chance, as reloads asked for together are one.
	ts.Check(put(script+".bad", "return {"))
	result, err := client.Reload(ctx)
	ts.Check(err)
	if len(result.Errors) != 1 || !strings.Contains(result.Errors[0].Text, "syntax error") {
		ts.Fatalf("the reload of what does not load: %+v", result)
	}
	ts.Check(put(script+".last", strings.ReplaceAll(source, "VERSION", args[2])))
	result, err = client.Reload(ctx)
	ts.Check(err)
	if !result.OK {
		ts.Fatalf("the last reload: %+v", result)
	}
}

// cmdListen receives what a destination is sent, into the file NAME.lines: listen NAME tcp|udp|unix. The
// destination's address is put into the variable NAME.
func cmdListen(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 2, "listen NAME tcp|udp|unix")
	name, network := args[0], args[1]
	file, err := os.Create(ts.MkAbs(name + ".lines"))
	ts.Check(err)
	var receiving sync.WaitGroup
	var closer io.Closer
	address := ""
	switch network {
	case "tcp":
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		closer, address = l, "tcp:"+l.Addr().String()
		receiving.Go(func() { receiveStreams(l, file) })
	case "udp":
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		ts.Check(err)
		closer, address = c, "udp:"+c.LocalAddr().String()
		receiving.Go(func() { receiveDatagrams(c, file) })
	case "unix":
		path := ts.MkAbs(name + ".sock")
		c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
		ts.Check(err)
		closer, address = c, "unix:"+path
		receiving.Go(func() { receiveDatagrams(c, file) })
	default:
		need(ts, false, "listen NAME tcp|udp|unix")
	}
	ts.Setenv(name, address)
	ts.Defer(func() {
		closer.Close()
		receiving.Wait()
		file.Close()
	})
}

// cmdNotifySocket is a service manager: notifysocket NAME [@]. The daemons that are started afterwards are told its
// socket, which has an abstract name with @. What they send comes into the file NAME.notified, a line for each
// datagram, with " | " between its lines.
func cmdNotifySocket(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && (len(args) == 1 || len(args) == 2 && args[1] == "@"), "notifysocket NAME [@]")
	file, err := os.Create(ts.MkAbs(args[0] + ".notified"))
	ts.Check(err)
	address := ts.MkAbs(args[0] + ".sock")
	if len(args) == 2 {
		address = fmt.Sprintf("@dumbprobe-test-%d-%s", os.Getpid(), args[0])
	}
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	ts.Check(err)
	var receiving sync.WaitGroup
	receiving.Go(func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			_, _ = file.WriteString(strings.ReplaceAll(string(buf[:n]), "\n", " | ") + "\n")
		}
	})
	ts.Setenv("NOTIFY_SOCKET", address)
	ts.Defer(func() {
		c.Close()
		receiving.Wait()
		file.Close()
	})
}

// receiveStreams copies one connection after another.
func receiveStreams(l net.Listener, to io.Writer) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.Copy(to, c)
		c.Close()
	}
}

// receiveDatagrams writes each datagram as a line, whatever is in it.
func receiveDatagrams(c net.PacketConn, to io.Writer) {
	buf := make([]byte, 64<<10)
	for {
		n, _, err := c.ReadFrom(buf)
		if err != nil {
			return
		}
		_, _ = to.Write(append(buf[:n:n], '\n'))
	}
}
