package output

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of these tests. It is spent only by a test that fails.
const patience = time.Minute

// quick is a back-off for tests with real sockets.
var quick = Backoff{Min: 10 * time.Millisecond, Max: 40 * time.Millisecond}

// watch records the events of a Fanout.
type watch struct {
	t  *testing.T
	ch chan Event
}

func newWatch(t *testing.T) watch { return watch{t, make(chan Event, 1000)} }

func (w watch) on(e Event) { w.ch <- e }

// wait returns the next event of a kind.
func (w watch) wait(kind EventKind) Event {
	w.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case e := <-w.ch:
			if e.Kind == kind {
				return e
			}
		case <-deadline:
			w.t.Fatalf("no event %q", kind)
		}
	}
}

func start(t *testing.T, o Options) *Fanout {
	t.Helper()
	if o.Backoff == (Backoff{}) {
		o.Backoff = quick
	}
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = f.Close(ctx)
	})
	return f
}

func flush(t *testing.T, f *Fanout) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := f.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

// opened is a destination without a sender.
func opened(t *testing.T, s string) Destination {
	t.Helper()
	a := address(t, s)
	d, err := kinds[a.Scheme].open(opening{Address: a, Name: a.Name(), Logger: zap.NewNop(), Hostname: "probe.example.net"})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func address(t *testing.T, s string) Address {
	t.Helper()
	a, err := ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
