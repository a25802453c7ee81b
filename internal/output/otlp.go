package output

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"
)

// maxExport is the most that a request has, in bytes. The Collector takes 20 MiB unless it is told otherwise.
const maxExport = 16 << 20

var otlpOptions = append([]option{{
	name: "signals", value: "all|metrics|logs", where: true, check: oneOf("all", "metrics", "logs"),
	doc: "what is sent: metrics leaves out all but values, logs makes a log record of each message, with its values in it (all)",
}}, postOptions...)

// otlp sends values as metrics and the rest as log records, by the protocol OTLP/HTTP 1.9 with binary Protobuf. A
// message is taken when each request that has some of it was. Where the peer refuses one for good, as one that takes
// metrics only, the other is sent all the same.
type otlp struct {
	client  *httpClient
	encoder otlpEncoder
	portion portion

	signals []otlpSignal // in the order in which they are sent

	// Of lines that are not dropped yet, since the other signal's request comes first.
	refused  map[uint64]bool // numbers of those that have a part in a request that was refused
	rejected int             // how many the peer left out of requests that it took
	why      *DropError      // the last of that
	search   bool            // a refusal was because of the size, or of lines, and told to portion
}

// otlpSignal is what has a request of its own.
type otlpSignal struct {
	name   string // the last part of the path
	points string // what it consists of, for errors
	encode func(otlpBatch) proto.Message
	share  func(otlpBatch) otlpShare
	has    func(otlpParts) bool
	taken  uint64 // the number of the first line whose part in it is not taken
}

func newOTLP(o opening) (Destination, error) {
	client, err := newHTTPClient(o, o.Address.Scheme == "otlp+tls")
	if err != nil {
		return nil, err
	}
	signals := o.Address.option("signals", "all")
	d := &otlp{
		client: client, portion: newPortion(maxPost), encoder: newOTLPEncoder(o.Version, o.Hostname, signals == "logs"), refused: map[uint64]bool{},
	}
	if signals != "logs" {
		d.signals = append(d.signals, otlpSignal{name: "metrics", points: "data points", encode: otlpBatch.metricsData, share: otlpBatch.metricsShare, has: func(p otlpParts) bool { return p.metrics }})
	}
	if signals != "metrics" {
		d.signals = append(d.signals, otlpSignal{name: "logs", points: "log records", encode: otlpBatch.logsData, share: otlpBatch.logsShare, has: func(p otlpParts) bool { return p.logs }})
	}
	return d, nil
}

// Connect implements Destination.
func (d *otlp) Connect(ctx context.Context) error { return d.client.connect(ctx) }

// Close implements Destination.
func (d *otlp) Close() error {
	d.client.close()
	return nil
}

// Send implements Destination.
func (d *otlp) Send(ctx context.Context, b Batch) (sent int, err error) {
	for sent < len(b.Lines) && err == nil {
		var n int
		n, err = d.sendSome(ctx, Batch{Lines: b.Lines[sent:], First: b.First + uint64(sent), Origin: b.Origin})
		sent += n
	}
	return sent, err
}

// sendSome makes the requests of lines from the first on. It returns 0 and no error where fewer are to be tried.
func (d *otlp) sendSome(ctx context.Context, b Batch) (int, error) {
	n, size := d.portion.take(b.Lines, b.First)
	var encoded otlpBatch // the lines from begin on
	begin := n
	for i := range d.signals {
		s := &d.signals[i]
		skip := 0 // what was taken when the other signal was not
		if s.taken > b.First {
			skip = int(min(uint64(n), s.taken-b.First))
		}
		if skip < n {
			if skip != begin {
				encoded, begin = d.encoder.batch(b.Lines[skip:n]), skip
			}
			p := otlpPart{b.First, skip, n, size}
			taken, err := d.sendSignal(ctx, s, encoded, p)
			if drop := (*DropError)(nil); errors.As(err, &drop) {
				d.refuse(s, encoded, p, drop)
			} else if !taken {
				return 0, err
			}
			s.taken = b.First + uint64(n)
		}
	}
	return d.settle(b.First, n)
}

// refuse notes that the peer will never take what s has in the lines of p.
func (d *otlp) refuse(s *otlpSignal, lines otlpBatch, p otlpPart, drop *DropError) {
	for i, parts := range lines.lines {
		if s.has(parts) {
			d.refused[p.first+uint64(p.skip+i)] = true
		}
	}
	d.why = &DropError{Reason: drop.Reason, Err: fmt.Errorf("%s: %w", s.name, drop.Err)}
}

// settle is the result of Send for n lines that both signals are done with.
func (d *otlp) settle(first uint64, n int) (sent int, err error) {
	end := first + uint64(n)
	drop, whole := d.rejected, 0
	for number := range d.refused {
		if number >= first && number < end {
			whole++
		}
		if number < end {
			delete(d.refused, number)
		}
	}
	if !d.search {
		d.portion.accepted()
	}
	d.search, d.rejected = false, 0
	// Which lines were rejected the peer does not say.
	if drop = min(max(drop, whole), n); drop > 0 {
		return n - drop, &DropError{Reason: d.why.Reason, Lines: drop, Err: d.why.Err}
	}
	return n, nil
}

// otlpPart is which lines are in a request: those of a portion without the ones whose part in a signal is taken.
type otlpPart struct {
	first         uint64 // the number of the portion's first line
	skip, n, size int    // the portion has n lines of size bytes, the first skip of them are left out
}

// sendSignal sends what s has in the lines of p. It returns false and no error where fewer are to be tried.
func (d *otlp) sendSignal(ctx context.Context, s *otlpSignal, lines otlpBatch, p otlpPart) (taken bool, err error) {
	if data := s.encode(lines); data != nil {
		// Each value of a message repeats its location: a line of half a megabyte could become gigabytes.
		if size := proto.Size(data); size > maxExport {
			if d.portion.tooLarge(p.n, p.size) {
				return false, nil
			}
			d.search = true
			return false, tooLarge("%d bytes as %s of OTLP; at most %d are sent", size, s.name, maxExport)
		}
		body, err := proto.Marshal(data)
		if err != nil { // all texts are UTF-8: no message can do that
			return false, &DropError{Reason: DropRefused, Lines: p.n, Err: fmt.Errorf("OTLP: %w", err)}
		}
		a, err := d.client.post(ctx, posting{
			path: strings.TrimRight(d.client.address.Path, "/") + "/v1/" + s.name, kind: "application/x-protobuf", body: body,
		})
		if err != nil {
			d.portion.failed(p.first, p.n, p.size)
			return false, err
		}
		a = a.withStatusText()
		taken, err := a.judge(&d.portion, p.n, p.size, authorized(d.client.address))
		if drop := (*DropError)(nil); errors.As(err, &drop) {
			d.search = d.search || a.aboutLines()
			if a.code == http.StatusNotFound && len(d.signals) > 1 {
				drop.Err = fmt.Errorf("%w (where the peer takes metrics or logs only, see the option signals)", drop.Err)
			}
		}
		if !taken {
			return false, err
		}
		d.note(s, a, s.share(lines))
	}
	return true, nil
}

// note keeps what the peer did not take of a request that it took, of which share says what it had, or tells what it has
// to say beside that.
func (d *otlp) note(s *otlpSignal, a answer, share otlpShare) {
	rejected, text := a.partialSuccess()
	switch {
	case rejected > 0:
		d.rejected = max(d.rejected, share.lines(rejected)) // both signals may have rejected the same lines
		d.why = &DropError{Reason: DropRefused, Err: fmt.Errorf("the peer rejected %d of the %d %s of a request that it took: %q",
			min(rejected, share.points), share.points, s.points, text)}
	case text != "":
		d.client.log.Warn("the peer took a request with a warning", zap.String("warning", text))
	}
}
