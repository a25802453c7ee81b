package reader

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func openSocket(t testing.TB, spec SocketSpec, o Options) Reader {
	t.Helper()
	r, err := OpenSocket(t.Context(), spec, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// peer accepts the one connection that open makes.
func peer(t testing.TB, network, address string, o Options) (Reader, net.Conn) {
	t.Helper()
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	r := openSocket(t, SocketSpec{Network: network, Address: listener.Addr().String()}, o)
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return r, conn
}

func send(t testing.TB, conn net.Conn, text string) {
	t.Helper()
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func TestConnectionsAreReadLineByLine(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			address := "127.0.0.1:0"
			if network == "unix" {
				address = filepath.Join(t.TempDir(), "s")
			}
			r, conn := peer(t, network, address, Options{MaxLine: 5})
			send(t, conn, "a\r\nb\n123456\nha")
			wantRecords(t, next(t, r, 3), "a", "b", "12345…")
			send(t, conn, "lf\nlast")
			conn.Close()
			wantRecords(t, rest(t, r), "half", "last")
			if r.End() != nil {
				t.Errorf("End: %v", r.End())
			}
		})
	}
}

func TestBrokenConnectionIsTheEnd(t *testing.T) {
	r, conn := peer(t, "tcp", "127.0.0.1:0", Options{})
	send(t, conn, "a\nhalf")
	wantRecords(t, next(t, r, 1), "a")
	conn.(*net.TCPConn).SetLinger(0) // a reset
	conn.Close()
	wantRecords(t, rest(t, r))
	wantEnd(t, r, syscall.ECONNRESET, "reset")
}

func TestIdleSocketsClose(t *testing.T) {
	r, _ := peer(t, "tcp", "127.0.0.1:0", Options{})
	closesQuickly(t, r)
	closesQuickly(t, openSocket(t, SocketSpec{Network: "udp", Address: "127.0.0.1:0", Listen: true}, Options{}))
}

func TestContextEndsTheRead(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	r, err := OpenSocket(ctx, SocketSpec{Network: "udp", Address: "127.0.0.1:0", Listen: true}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	wantRecords(t, rest(t, r))
	wantEnd(t, r, context.DeadlineExceeded, "")
}

func TestFullQueueBlocksThePeer(t *testing.T) {
	r, conn := peer(t, "tcp", "127.0.0.1:0", Options{MaxQueue: 2})
	wrote := make(chan error, 1)
	go func() {
		_, err := conn.Write([]byte(strings.Repeat(strings.Repeat("x", 9999)+"\n", 2000)))
		wrote <- err
		conn.Close()
	}()
	waitFor(t, "the queue to fill", func() bool { return r.Stats().Waits > 0 })
	if len(wrote) > 0 {
		t.Error("the peer was not held back")
	}
	if got := rest(t, r); len(got) != 2000 {
		t.Errorf("%d records", len(got))
	}
}

func TestADatagramIsARecord(t *testing.T) {
	for _, network := range []string{"udp", "unixgram"} {
		t.Run(network, func(t *testing.T) {
			address := "127.0.0.1:0"
			if network == "unixgram" {
				address = filepath.Join(t.TempDir(), "s")
			}
			r := openSocket(t, SocketSpec{Network: network, Address: address, Listen: true}, Options{MaxLine: 10})
			conn, err := net.Dial(network, r.Stats().Addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			for _, text := range []string{"a\nb\n", "", "1234567890", "12345678901", "123456789é"} {
				send(t, conn, text)
			}
			wantRecords(t, next(t, r, 5), "a\nb\n", "", "1234567890", "1234567890…", "123456789…")
			if got := r.Stats(); got.LongLines != 2 || got.Records != 5 {
				t.Errorf("stats %+v", got)
			}
		})
	}
}

func TestSocketFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	spec := SocketSpec{Network: "unixgram", Address: path, Listen: true}
	r := openSocket(t, spec, Options{})
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := OpenSocket(t.Context(), spec, Options{}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a used one was replaced: %v", err)
	}
	closesQuickly(t, r)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is left: %v", err)
	}

	stale, err := net.ListenPacket("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	stale.Close() // which leaves the file
	r = openSocket(t, spec, Options{})
	os.Remove(path)
	other, err := net.ListenPacket("unixgram", path) // another daemon has taken the name
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	closesQuickly(t, r)
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the other's file was removed: %v", err)
	}
}

func TestAbstractSocket(t *testing.T) {
	r := openSocket(t, SocketSpec{Network: "unixgram", Address: "@" + t.Name() + t.TempDir(), Listen: true}, Options{})
	conn, err := net.Dial("unixgram", r.Stats().Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	send(t, conn, "a")
	wantRecords(t, next(t, r, 1), "a")
}

func TestOpenSocketFails(t *testing.T) {
	used, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer used.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	stream := filepath.Join(t.TempDir(), "stream")
	streaming, err := net.Listen("unix", stream)
	if err != nil {
		t.Fatal(err)
	}
	defer streaming.Close()
	plain := temp(t, "data")
	for name, test := range map[string]struct {
		spec SocketSpec
		is   error
		says string
	}{
		"unknown network":       {SocketSpec{Network: "sctp"}, nil, "unknown network"},
		"tcp cannot listen":     {SocketSpec{Network: "tcp", Listen: true}, nil, "use udp or unixgram to listen"},
		"udp cannot connect":    {SocketSpec{Network: "udp"}, nil, "use tcp or unix to connect"},
		"nobody listens":        {SocketSpec{Network: "tcp", Address: listener.Addr().String()}, syscall.ECONNREFUSED, "does the service run?"},
		"no socket":             {SocketSpec{Network: "unix", Address: stream + "x"}, fs.ErrNotExist, stream},
		"no address":            {SocketSpec{Network: "tcp", Address: "host-without-port"}, nil, "missing port"},
		"port in use":           {SocketSpec{Network: "udp", Address: used.LocalAddr().String(), Listen: true}, syscall.EADDRINUSE, "another process"},
		"a file is in the way":  {SocketSpec{Network: "unixgram", Address: plain, Listen: true}, fs.ErrExist, "not a socket"},
		"a stream socket there": {SocketSpec{Network: "unixgram", Address: stream, Listen: true}, syscall.EADDRINUSE, "in use"},
		"no folder":             {SocketSpec{Network: "unixgram", Address: plain + "x/s", Listen: true}, fs.ErrNotExist, plain},
	} {
		_, err := OpenSocket(t.Context(), test.spec, Options{})
		if err == nil || test.is != nil && !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: error %v, want %v and %q", name, err, test.is, test.says)
		}
	}
	if text, _ := os.ReadFile(plain); string(text) != "data" {
		t.Error("the file in the way was touched")
	}
}

func TestConnectTimeout(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = OpenSocket(ctx, SocketSpec{Network: "tcp", Address: listener.Addr().String()}, Options{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	_, err = OpenSocket(t.Context(), SocketSpec{Network: "tcp", Address: listener.Addr().String(), ConnectTimeout: 1}, Options{})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "firewall") {
		t.Errorf("error %v, want a deadline with its hint", err)
	}
}
