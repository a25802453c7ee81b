package reader

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// silent is how long the sources of the tests with real ones may be.
const silent = 50 * time.Millisecond

// openPipe reads what the test writes to the other end.
func openPipe(t *testing.T, o Options) (*base, net.Conn) {
	t.Helper()
	ours, theirs := net.Pipe()
	b := newBase(t.Context(), o)
	b.run(func() error {
		defer ours.Close()
		defer context.AfterFunc(b.ctx, func() { ours.SetReadDeadline(longAgo) })()
		lines := framer{max: b.options.MaxLine}
		return readLines(ours, &lines, chunk, b.put)
	})
	t.Cleanup(func() { b.Close(); theirs.Close() })
	return b, theirs
}

func TestNoRecordForTooLongIsTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		b, conn := openPipe(t, Options{Silence: time.Minute})
		for range 3 {
			time.Sleep(59 * time.Second)
			send(t, conn, "a\n")
		}
		time.Sleep(59 * time.Second)
		send(t, conn, "half a line is no record")
		synctest.Wait()
		if err := b.End(); err != nil {
			t.Fatalf("End after %v: %v", time.Since(start), err)
		}
		wantRecords(t, rest(t, b), "a", "a", "a")
		wantEnd(t, b, ErrSilent, "no data for 1m0s")
		if took, want := time.Since(start), 3*59*time.Second+time.Minute; took != want {
			t.Errorf("took %v, want %v", took, want)
		}
	})
}

func TestSilenceCountsFromTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		b, _ := openPipe(t, Options{Silence: time.Second})
		wantRecords(t, rest(t, b))
		wantEnd(t, b, ErrSilent, "no data for 1s")
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// The source has something to say, but nobody listens.
func TestAFullQueueIsNoSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, conn := openPipe(t, Options{Silence: time.Second, MaxQueue: 1})
		send(t, conn, "a\nb\n")
		time.Sleep(time.Hour)
		if err := b.End(); err != nil || b.Stats().Waits != 1 {
			t.Fatalf("End %v, %+v", err, b.Stats())
		}
		taken := time.Now()
		wantRecords(t, rest(t, b), "a", "b")
		if took := time.Since(taken); took != time.Second {
			t.Errorf("took %v after that", took)
		}
		wantEnd(t, b, ErrSilent, "")
	})
}

func TestSilenceIsNotTheEndOfWhatHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed, _ := openPipe(t, Options{Silence: time.Second})
		ended, conn := openPipe(t, Options{Silence: time.Second})
		conn.Close()
		closesQuickly(t, closed)
		wantRecords(t, rest(t, ended))
		time.Sleep(time.Hour)
		for _, b := range []*base{closed, ended} {
			if err := b.End(); err != nil {
				t.Errorf("End %v", err)
			}
		}
	})
}

func TestASilentCommandIsKilled(t *testing.T) {
	r := openCommand(t, `echo a; echo "stderr is no record" >&2; sleep 100 & wait`, Options{Silence: 500 * time.Millisecond})
	wantRecords(t, rest(t, r), "a")
	wantEnd(t, r, ErrSilent, "no data for 500ms")
	groupGone(t, r)
}

func TestEveryKindCanBeSilent(t *testing.T) {
	o := Options{Silence: silent}
	path := fifo(t)
	writer, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	connected, _ := peer(t, "tcp", "127.0.0.1:0", o)
	for name, r := range map[string]Reader{
		"file":   openFile(t, FileSpec{Path: temp(t, "a\n"), FromEnd: true, Follow: true}, o),
		"FIFO":   openFile(t, FileSpec{Path: path}, o),
		"tcp":    connected,
		"udp":    openSocket(t, SocketSpec{Network: "udp", Address: "127.0.0.1:0", Listen: true}, o),
		"device": openFile(t, FileSpec{Path: "/dev/null", Follow: true}, o),
	} {
		t.Run(name, func(t *testing.T) {
			wantRecords(t, rest(t, r))
			wantEnd(t, r, ErrSilent, "no data for 50ms")
			if err := r.Close(); err != nil || !errors.Is(r.End(), ErrSilent) {
				t.Errorf("Close %v, End %v", err, r.End())
			}
		})
	}
}
