package output

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"time"
)

// maxPost is the most that the body of a request has, in bytes before compression. One line may be longer.
const maxPost = 1 << 20

// postBatch has lines that come one after the other share requests: ten a second are enough for whoever looks at them.
var postBatch = batchLimit{lines: 4096, bytes: maxPost, gather: 100 * time.Millisecond}

var queryOption = option{
	name: "query", value: "TEXT", where: true, check: checkQuery,
	doc: "what follows the ? of the URL, with & written %26 and % written %25; it is shown, so nothing secret belongs in it",
}

var (
	httpOptions  = append([]option{queryOption}, postOptions...)
	httpsOptions = slices.Concat(httpOptions, tlsOptions)
)

// httpLines posts batches as NDJSON. A batch is taken when the peer answers 2xx.
type httpLines struct {
	client  *httpClient
	portion portion
}

func newHTTP(o opening) (Destination, error) {
	client, err := newHTTPClient(o, o.Address.Scheme == "https")
	if err != nil {
		return nil, err
	}
	return &httpLines{client: client, portion: newPortion(maxPost)}, nil
}

// Connect implements Destination.
func (d *httpLines) Connect(ctx context.Context) error { return d.client.connect(ctx) }

// Close implements Destination.
func (d *httpLines) Close() error {
	d.client.close()
	return nil
}

// Send implements Destination.
func (d *httpLines) Send(ctx context.Context, b Batch) (sent int, err error) {
	for sent < len(b.Lines) && err == nil {
		var n int
		n, err = d.sendSome(ctx, Batch{Lines: b.Lines[sent:], First: b.First + uint64(sent), Origin: b.Origin})
		sent += n
	}
	return sent, err
}

// sendSome makes one request of lines from the first on. It returns 0 and no error where fewer are to be tried.
func (d *httpLines) sendSome(ctx context.Context, b Batch) (int, error) {
	n, size := d.portion.take(b.Lines, b.First)
	// Not into the old bytes: the transport may still read them when a request has ended early.
	body := joinLines(make([]byte, 0, size), b.Lines[:n])
	a, err := d.client.post(ctx, posting{
		path: d.client.address.Path, query: d.client.address.option("query", ""),
		kind: "application/x-ndjson", key: b.key(n), body: body,
	})
	if err != nil {
		d.portion.failed(b.First, n, size)
		return 0, err
	}
	taken, err := a.judge(&d.portion, n, size, authorized(d.client.address))
	if !taken {
		return 0, err
	}
	d.portion.accepted()
	return n, nil
}

// key identifies the first n lines together: equal for a request that is sent again with the same lines, and never
// equal for two with other ones, so that a peer that knows it again drops nothing that it has not had.
func (b Batch) key(n int) string {
	sum := fnv.New128a()
	for _, line := range b.Lines[:n] {
		_, _ = fmt.Fprintf(sum, "%d:", len(line))
		_, _ = sum.Write(line)
	}
	return fmt.Sprintf("%s-%d-%x", b.ID(0), n, sum.Sum(nil))
}
