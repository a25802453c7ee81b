package output

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
)

// stopGrace is how long Close waits for goroutines to end, where its context leaves less.
const stopGrace = time.Second

// Options says where lines go. Only Stdout is needed, and only for an address of kind stdout.
type Options struct {
	Addresses  []Address     // stdout alone if empty
	SpoolBytes int64         // of each destination; spool.DefaultMaxBytes if 0
	SpoolDir   string        // what waits is kept below this folder; in memory if empty
	SpoolSync  time.Duration // see spool.Options.SyncEvery
	Stdout     io.Writer     // not closed; written to by one goroutine at a time
	Backoff    Backoff       // the zero value for 0.5 s to 30 s
	Logger     *zap.Logger   // nothing is logged if nil
	Hostname   string        // of this machine, for kinds that tell it to their peer
	Version    string        // of the program, likewise

	// OnEvent, if set, hears what is also logged. It is called from one goroutine per destination, never
	// from within Send; it may call Send, and while it blocks, further events of that destination wait.
	OnEvent func(Event)
}

// Fanout sends each line to all destinations. It is safe for concurrent use.
type Fanout struct {
	senders  []*sender
	close    sync.Once
	closeErr error
}

// New starts a sender for each address. They connect in the background: that a peer is away is no error
// here. Errors are an address that is invalid or given twice, stdout without a writer, and an option that a
// kind cannot use, as a file that cannot be read; nothing is started then. A spool that cannot be opened is none: it is
// logged, and what waits for that destination is kept in memory.
func New(o Options) (_ *Fanout, err error) {
	if len(o.Addresses) == 0 {
		o.Addresses = []Address{{Scheme: "stdout"}}
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	f := &Fanout{}
	defer func() {
		if err != nil {
			f.abandon()
		}
	}()
	seen := map[string]bool{}
	for _, a := range o.Addresses {
		if err := a.check(); err != nil {
			return nil, err
		}
		name := a.Name()
		if seen[name] {
			return nil, fmt.Errorf("destination %q is given twice", name)
		}
		seen[name] = true
		k := kinds[a.Scheme]
		dest, err := k.open(opening{
			Address: a, Name: name, Stdout: o.Stdout, Logger: o.Logger.With(zap.String("destination", name)),
			Hostname: o.Hostname, Version: o.Version,
		})
		if err != nil {
			return nil, fmt.Errorf("destination %q: %w", name, err)
		}
		sp := openSpool(o, name)
		f.senders = append(f.senders, newSender(senderOptions{
			name: name, dest: dest, spool: sp, catchUp: a.number("catch_up", catchUpRate), batch: k.batch, confirms: k.confirms,
			origin: originOf(sp), backoff: o.Backoff, log: o.Logger, onEvent: o.OnEvent,
		}))
	}
	tellForgotten(o, seen)
	for _, s := range f.senders {
		s.start()
	}
	return f, nil
}

// abandon ends what New has opened.
func (f *Fanout) abandon() {
	for _, s := range f.senders {
		_ = s.spool.Close() // nothing was done with it
	}
}

// Send queues line, a JSON object without a newline, for every destination. It never blocks on one: where a
// spool is full, the oldest lines are dropped. line must not change afterwards. After Close, lines are
// dropped and counted.
func (f *Fanout) Send(line []byte) {
	for _, s := range f.senders {
		s.enqueue(line)
	}
}

// Reopen has the destinations that write to files open them anew, as after a rotation.
func (f *Fanout) Reopen() {
	for _, s := range f.senders {
		if _, ok := s.dest.(Reopener); !ok {
			continue
		}
		select {
		case s.reopen <- struct{}{}:
		default: // one is under way
		}
	}
}

// Left is what waits for one destination.
type Left struct {
	Destination string
	Lines       int
	Kept        bool  // in a spool on disk, for the next start
	LastError   error // of the destination, nil if there was none
}

// NotDeliveredError says which lines were not sent in time.
type NotDeliveredError struct{ Left []Left }

func (e *NotDeliveredError) Error() string { return "not delivered: " + describe(e.Left) }

// Lost is what is not kept; nil if all of it is.
func (e *NotDeliveredError) Lost() error { return part(e.Left, false) }

// Kept is what the next start delivers; nil if there is none.
func (e *NotDeliveredError) Kept() error { return part(e.Left, true) }

func part(all []Left, kept bool) error {
	var left []Left
	for _, l := range all {
		if l.Kept == kept {
			left = append(left, l)
		}
	}
	if len(left) == 0 {
		return nil
	}
	return &NotDeliveredError{left}
}

func describe(left []Left) string {
	var parts []string
	for _, l := range left {
		noun := "lines"
		if l.Lines == 1 {
			noun = "line"
		}
		part := fmt.Sprintf("%d %s for %s", l.Lines, noun, l.Destination)
		if l.LastError != nil {
			part += fmt.Sprintf(" (%v)", l.LastError)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "; ")
}

// Flush waits until every spool is empty or ctx ends. A destination that is in a back-off tries again at
// once. Where what waits is kept on disk, no more than that, and keptFlush, is waited for. The error is a
// *NotDeliveredError; the lines it counts still wait.
func (f *Fanout) Flush(ctx context.Context) error {
	left := make([]int, len(f.senders))
	var wg sync.WaitGroup
	for i, s := range f.senders {
		wg.Go(func() { left[i] = s.flush(ctx) })
	}
	wg.Wait()
	var e NotDeliveredError
	for i, s := range f.senders {
		if left[i] == 0 {
			continue
		}
		l := Left{Destination: s.name, Lines: left[i], Kept: s.keeps}
		if st := s.stats(); st.State != Connected {
			l.LastError = st.LastError
		}
		e.Left = append(e.Left, l)
	}
	if len(e.Left) > 0 {
		return &e
	}
	return nil
}

// Close flushes until ctx ends, then ends all goroutines and connections, which takes at most a second more.
// It returns what Flush would; what it names is kept on disk, or else dropped, counted and reported. It may be called twice, and
// on a nil Fanout. A write to standard output that never returns is left behind.
func (f *Fanout) Close(ctx context.Context) error {
	if f == nil {
		return nil
	}
	f.close.Do(func() {
		f.closeErr = f.Flush(ctx)
		for _, s := range f.senders {
			s.cancel()
		}
		grace, cancel := context.WithTimeout(context.Background(), stopGrace)
		defer cancel()
		for _, s := range f.senders {
			select {
			case <-s.done:
				continue
			case <-grace.Done():
			}
			select {
			case <-s.done:
			case <-ctx.Done():
			}
		}
	})
	return f.closeErr
}

// Stats tells how each destination is, in the order of the addresses.
func (f *Fanout) Stats() []DestinationStats {
	all := make([]DestinationStats, len(f.senders))
	for i, s := range f.senders {
		all[i] = s.stats()
	}
	return all
}
