package output

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"
)

// The Fluent Forward protocol, version 1: https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1

const (
	// fluentTag is the default of the option tag: with one tag, a batch is few chunks.
	fluentTag = "dumbprobe"
	// fluentAckTimeout is the default of the option ack_timeout.
	fluentAckTimeout = time.Minute
	// fluentMaxMessage is the default of the option max_message, in bytes. Fluent Bit takes 6 MB in a chunk.
	fluentMaxMessage = 4 << 20
	// fluentHandshake bounds connecting, TLS, and HELO, PING and PONG, each.
	fluentHandshake = tcpDialTimeout
	// fluentWindow is how many chunks may be sent and not yet acknowledged. What the peer answers to so many is read
	// before it fills any buffer.
	fluentWindow = 64
)

// fluentBatch is larger than that of other kinds: its chunks are acknowledged together, so a batch takes a round trip.
var fluentBatch = batchLimit{lines: 4096, bytes: 1 << 20}

var fluentOptions = []option{
	{name: "tag", value: "TEMPLATE", check: checkFluentTag, where: true, doc: "tag of the events; {aspect} stands for the message's aspect, and {NAME}, as {host}, for what its location has there; what it has not is unknown (dumbprobe)"},
	{name: "gzip", value: "yes|no", check: yesOrNo, doc: "whether chunks are compressed (no)"},
	{name: "shared_key_file", value: "PATH", login: true, doc: "file of the key that the peer has, too; both prove that they know it"},
	{name: "user", value: "NAME", check: noLongerThan(255), doc: "name to log in with; needs password_file"},
	{name: "password_file", value: "PATH", login: true, doc: "file of the password of user"},
	{name: "ack_timeout", value: "DURATION", check: timeBetween(time.Second, time.Hour), doc: "for how long the peer may acknowledge none of what it was sent before it is sent again on another connection (1m)"},
	{name: "max_message", value: "N", check: wholeNumber(1024, 1<<30), doc: "bytes that a message may have as a record, which the peer must take in a chunk (Fluent Bit: Buffer_Max_Size); a larger one is dropped (4194304)"},
	stallOption,
}

func noLongerThan(bytes int) func(string) error {
	return func(s string) error {
		if len(s) > bytes {
			return fmt.Errorf("has %d bytes; at most %d are possible", len(s), bytes)
		}
		return nil
	}
}

// fluent sends chunks of events to a server of the Forward protocol, and waits until it has acknowledged them.
type fluent struct {
	address    Address
	hostname   string
	ackTimeout time.Duration
	chunks     *fluentChunks

	// conn is nil after Send has used up a connection that its server wanted to be short. The next Send makes
	// another.
	conn *fluentConn
}

func newFluent(o opening) (Destination, error) {
	tag, err := parseFluentTag(o.Address.option("tag", fluentTag))
	if err != nil {
		return nil, fmt.Errorf("option tag: %w", err)
	}
	d := &fluent{
		address: o.Address, hostname: o.Hostname,
		ackTimeout: o.Address.duration("ack_timeout", fluentAckTimeout),
		chunks:     newFluentChunks(tag, o.Address.yes("gzip"), o.Address.number("max_message", fluentMaxMessage)),
	}
	if _, err := d.tls(); err != nil {
		return nil, err
	}
	if _, err := d.login(); err != nil {
		return nil, err
	}
	return d, nil
}

// tls returns the configuration of TLS; nil for plain TCP.
func (d *fluent) tls() (*tls.Config, error) {
	if d.address.Scheme != "fluent+tls" {
		return nil, nil
	}
	return tlsConfig(d.address)
}

// login reads the secrets; nil where there are none, and the peer is not to ask for any.
func (d *fluent) login() (*fluentLogin, error) {
	key, user, password := d.address.Options["shared_key_file"], d.address.Options["user"], d.address.Options["password_file"]
	switch {
	case user != "" && password == "":
		return nil, errors.New("option user needs the option password_file")
	case user == "" && password != "":
		return nil, errors.New("option password_file needs the option user")
	case key == "" && user == "":
		return nil, nil
	}
	l := &fluentLogin{host: "dumbprobe." + cmp.Or(d.hostname, "localhost"), user: user}
	var err error
	if key != "" {
		if l.key, err = readSecret(key); err != nil {
			return nil, fmt.Errorf("option shared_key_file: %w", err)
		}
	}
	if user != "" {
		if l.password, err = readSecret(password); err != nil {
			return nil, fmt.Errorf("option password_file: %w", err)
		}
	}
	return l, nil
}

// Connect implements Destination.
func (d *fluent) Connect(ctx context.Context) error {
	config, err := d.tls()
	if err != nil {
		return err
	}
	login, err := d.login()
	if err != nil {
		return err
	}
	d.conn, err = dialFluent(ctx, d.address, config, login)
	return err
}

// Send implements Destination. It returns when all chunks are acknowledged, of which up to fluentWindow are under way
// at once.
func (d *fluent) Send(ctx context.Context, b Batch) (int, error) {
	if d.conn == nil {
		if err := d.Connect(ctx); err != nil {
			return 0, unsent(err)
		}
	}
	if err := d.conn.broken(); err != nil {
		return 0, unsent(err)
	}
	stop := context.AfterFunc(ctx, d.conn.wire.interrupt)
	defer stop()
	f := &fluentFlight{conn: d.conn, timeout: d.ackTimeout}
	err := d.send(ctx, b, f)
	switch {
	case err != nil && ctx.Err() != nil:
		err = ctx.Err()
	case d.conn.short && len(f.chunks) > 0 && f.waiting == 0:
		err = d.Close() // the server has, too, or is about to
	}
	return f.acknowledged(), err
}

// send sends the chunks of b and waits for their acknowledgement; just the first one, where the server closes after it.
func (d *fluent) send(ctx context.Context, b Batch, f *fluentFlight) error {
	tags := d.chunks.tagsOf(b.Lines)
	for i := 0; i < len(b.Lines); {
		chunk, n, err := d.chunks.next(b, tags, i)
		if err != nil {
			if waited := f.settle(ctx, 0); waited != nil {
				return waited
			}
			return err
		}
		if err := f.settle(ctx, fluentWindow-1); err != nil {
			return err
		}
		if err := f.send(chunk, n); err != nil {
			return err
		}
		if i += n; d.conn.short {
			break
		}
	}
	return f.settle(ctx, 0)
}

// Lost implements Watched. That a server closes as it has said is no loss.
func (d *fluent) Lost() <-chan error {
	if d.conn.short {
		return nil
	}
	return d.conn.lost
}

// Close implements Destination.
func (d *fluent) Close() error {
	if d.conn == nil {
		return nil
	}
	conn := d.conn
	d.conn = nil
	return conn.close()
}
