package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// target is a destination of the run.
type target struct {
	kind    kind
	dir     string
	file    string // where what came is
	cert    string // of the peer, with its key; empty without TLS
	address string
	listen  string // where the peer listens
	proxy   *proxy // nil where the daemon writes the file itself
	peer    *exec.Cmd
	kills   int // how often the peer was killed, or ended, while the daemon ran
	got     tally
}

func newTarget(k kind, dir string) (*target, error) {
	t := &target{kind: k, dir: dir, file: filepath.Join(dir, k.name+".lines")}
	var err error
	if k.peer == nil {
		t.address, err = k.address(t, "")
		return t, err
	}
	// A port that is free now; the peer is started, and started again, on it.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	t.listen = ln.Addr().String()
	ln.Close()
	if t.proxy, err = newProxy(t.listen, k.polite); err != nil {
		return nil, err
	}
	if t.address, err = k.address(t, t.proxy.ln.Addr().String()); err != nil {
		return nil, err
	}
	return t, t.startPeer()
}

func (t *target) startPeer() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	p := peerSettings{kind: t.kind.name, listen: t.listen, file: t.file, cert: t.cert}
	t.peer = exec.Command(self, p.args()...)
	t.peer.Stderr = os.Stderr
	t.peer.SysProcAttr = child()
	return t.peer.Start()
}

// child has a process end with this one, and not by the Ctrl-C that this one hears. The signal comes when the thread
// that started it ends, which is the main one: see main.
func child() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// stopPeer kills the peer, or ends it politely.
func (t *target) stopPeer() {
	if t.peer == nil || t.peer.Process == nil {
		return
	}
	t.kills++
	if t.kind.polite {
		_ = t.peer.Process.Signal(syscall.SIGTERM)
		timer := time.AfterFunc(20*time.Second, func() { _ = t.peer.Process.Kill() })
		defer timer.Stop()
	} else {
		_ = t.peer.Process.Kill()
	}
	_ = t.peer.Wait()
}

// heal ends the misbehaviour, and sees to it that there is a peer.
func (t *target) heal() error {
	if t.proxy == nil {
		return nil
	}
	t.proxy.heal()
	deadline := time.Now().Add(10 * time.Second)
	for {
		c, err := net.Dial("tcp", t.listen)
		if err == nil {
			return c.Close()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: the peer is not there: %w", t.kind.name, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (t *target) count() (err error) {
	t.got, err = tallyFile(t.file)
	return err
}

func (t *target) end() {
	if t.peer != nil && t.peer.Process != nil {
		_ = t.peer.Process.Kill()
		_ = t.peer.Wait()
	}
	if t.proxy != nil {
		t.proxy.close()
	}
}
