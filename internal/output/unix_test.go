package output

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func unixReader(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func read(t *testing.T, c net.Conn) string {
	t.Helper()
	buf := make([]byte, 1000)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

func TestUnixFollowsASocketThatIsMadeAgain(t *testing.T) {
	path := filepath.Join(shortDir(t), "s")
	old := unixReader(t, path)
	f := start(t, Options{Addresses: []Address{address(t, "unix:"+path)}})
	f.Send([]byte("a"))
	if got := read(t, old); got != "a" {
		t.Errorf("the first reader got %q", got)
	}
	// The old reader still holds its socket, so nothing is refused.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	f.Send([]byte("b"))
	if got := read(t, old); got != "b" {
		t.Errorf("the reader that deleted its socket got %q", got)
	}
	next := unixReader(t, path)
	f.Send([]byte("c"))
	if got := read(t, next); got != "c" {
		t.Errorf("the second reader got %q", got)
	}
}

func TestUnixAbstractSocket(t *testing.T) {
	name := fmt.Sprintf("@out-test-%d", os.Getpid())
	c := unixReader(t, name)
	f := start(t, Options{Addresses: []Address{address(t, "unix:"+name)}})
	f.Send([]byte("a"))
	if got := read(t, c); got != "a" {
		t.Errorf("got %q", got)
	}
}

func TestUnixSaysThatAStreamSocketIsWrong(t *testing.T) {
	path := filepath.Join(shortDir(t), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	err = opened(t, "unix:"+path).Connect(t.Context())
	if !errors.Is(err, syscall.EPROTOTYPE) || !strings.Contains(err.Error(), "a datagram socket is needed") {
		t.Errorf("connect: %v", err)
	}
}

func TestUnixDropsALineThatNoDatagramCarries(t *testing.T) {
	path := filepath.Join(shortDir(t), "s")
	c := unixReader(t, path)
	events := newWatch(t)
	f := start(t, Options{Addresses: []Address{address(t, "unix:"+path)}, OnEvent: events.on})
	f.Send(make([]byte, 10<<20))
	f.Send([]byte("b"))
	if got := read(t, c); got != "b" {
		t.Errorf("got %d bytes", len(got))
	}
	if e := events.wait(Dropped); e.Drops[DropTooLarge] != 1 {
		t.Errorf("reported: %+v", e)
	}
}
