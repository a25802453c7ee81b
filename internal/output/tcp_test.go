package output

import (
	"bufio"
	"net"
	"testing"
)

func listen(t *testing.T) *net.TCPListener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln.(*net.TCPListener)
}

func TestTCPSendsToAPeerThatTalksBack(t *testing.T) {
	ln := listen(t)
	f := start(t, Options{Addresses: []Address{address(t, "tcp:"+ln.Addr().String())}})
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(make([]byte, 100000)); err != nil {
		t.Fatal(err)
	}
	f.Send([]byte("a"))
	if line, err := bufio.NewReader(c).ReadString('\n'); line != "a\n" || err != nil {
		t.Errorf("read %q, %v", line, err)
	}
}

func TestTCPSendsATornLineAgainWhole(t *testing.T) {
	ln := listen(t)
	events := newWatch(t)
	f := start(t, Options{Addresses: []Address{address(t, "tcp:"+ln.Addr().String())}, OnEvent: events.on})
	first, err := ln.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	// A line that no kernel buffer holds, so that its write is in progress when the peer resets.
	long := make([]byte, 15<<20)
	for i := range long {
		long[i] = 'x'
	}
	f.Send(long)
	if _, err := first.Read(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	_ = first.SetLinger(0)
	first.Close()
	events.wait(Lost)
	second, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	line, err := bufio.NewReader(second).ReadString('\n')
	if err != nil || len(line) != len(long)+1 {
		t.Errorf("the second connection got %d bytes, %v", len(line), err)
	}
	flush(t, f)
	if s := f.Stats()[0]; s.Sent != 1 || s.Reconnects != 1 {
		t.Errorf("stats: %+v", s)
	}
}

func TestTCPNoticesAClosedPeerBeforeItWrites(t *testing.T) {
	ln := listen(t)
	d := opened(t, "tcp:127.0.0.1:"+portOf(t, ln))
	for range 50 {
		if err := d.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		c, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		// Over loopback the FIN is there when Close returns; the reader may not have run yet.
		if n, err := d.Send(t.Context(), Batch{Lines: [][]byte{[]byte("a")}}); n != 0 || err == nil {
			t.Errorf("sent %d into a closed connection, %v", n, err)
		}
		d.Close()
	}
}

func portOf(t *testing.T, ln net.Listener) string {
	t.Helper()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
