package output

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// natsBatch is how much is under way before it is acknowledged: one Send.
var natsBatch = batchLimit{lines: 1024, bytes: 1 << 20}

const (
	// defaultSubject is the default of the option subject.
	defaultSubject = "dumbprobe.{host}." + "{" + aspectField + "}"
	// natsPings is how many pings may be without an answer; they are sent so that this takes the time of stall.
	natsPings = 2
)

// natsOptions are those of nats; nats+tls has them, too.
var natsOptions = slices.Concat([]option{
	{
		name: "subject", value: "TEMPLATE", check: checkSubject, where: true,
		doc: "subject of a message: {aspect} is its event.name, {KEY} what its location has under KEY, _ what it does not have (" + defaultSubject + ")",
	},
}, streamOptions, []option{
	{name: "creds", value: "PATH", login: true, doc: "credentials file: the user's JWT and its key, as nsc and the nats tool write it"},
	{name: "user", value: "NAME", where: true, doc: "user, with password_file"},
	{name: "password_file", value: "PATH", login: true, doc: "file with the password of user, in its first line"},
	{
		name: "inbox", value: "SUBJECT", check: checkInbox,
		doc: "what the subjects begin with at which acknowledgements are awaited, for accounts whose users may not listen to others' (_INBOX)",
	},
	stallOption,
})

// natsTLSOptions are those of nats+tls.
var natsTLSOptions = slices.Concat(natsOptions, tlsOptions, []option{{
	name: "handshake_first", value: "yes|no", check: yesOrNo,
	doc: "whether TLS begins at once, as a server with handshake_first wants it, and not after the server has said who it is (no)",
}})

// natsLines publishes lines to a stream of NATS JetStream and has each acknowledged. The server drops what it has had
// already, by the line's identity.
//
// The library's own reconnecting, and its buffer for that, are off: a connection that breaks is the sender's business.
type natsLines struct {
	address Address
	name    string // of this client, at the server
	subject subjectTemplate
	stream  string // that must take the lines; empty for any
	create  *streamConfig

	// Of the present connection.
	wire    *wire
	conn    *nats.Conn
	lost    chan error    // gets what is wrong with the connection, once
	ended   chan struct{} // closed when the library is done with the connection
	hide    *secrets      // that the server was sent
	answers chan *nats.Msg
	inbox   string // answers come to this, a dot, and a number
	asked   uint64 // numbers given so far

	// settled is what became of lines behind one that was not taken, by their numbers in the spool: they are handed to
	// Send again, and not published again.
	settled map[uint64]outcome
}

func newNATS(o opening) (Destination, error) {
	d := &natsLines{address: o.Address, name: strings.TrimSpace("dumbprobe " + o.Hostname), stream: o.Address.Options["stream"], settled: map[uint64]outcome{}}
	var err error
	if d.subject, err = parseSubject(o.Address.option("subject", defaultSubject)); err != nil {
		return nil, fmt.Errorf("option subject: %w", err)
	}
	if d.create, err = newStreamConfig(o.Address, d.subject.filter); err != nil {
		return nil, err
	}
	var options nats.Options
	if _, err := d.authenticate(&options); err != nil {
		return nil, err
	}
	return d, d.secure(&options)
}

// Connect implements Destination.
func (d *natsLines) Connect(ctx context.Context) error {
	options := nats.Options{
		Url: "nats://" + net.JoinHostPort(withoutZone(d.address.Host), d.address.Port), Name: d.name,
		SkipHostLookup: true, IgnoreDiscoveredServers: true,
		Timeout: tcpDialTimeout, MaxPingsOut: natsPings,
		PingInterval: d.stall() / (natsPings + 1),
	}
	hide, err := d.authenticate(&options)
	if err != nil {
		return err
	}
	if err := d.secure(&options); err != nil {
		return err
	}
	w, err := dialWire(ctx, d.address)
	if err != nil {
		return err
	}
	// The library is told of no context: it fails when its connection is closed.
	stop := context.AfterFunc(ctx, func() { w.Close() })
	defer stop()
	options.CustomDialer = dialed{w}
	lost, ended := make(chan error, 1), make(chan struct{})
	tell := func(err error) {
		select {
		case lost <- d.explain(err, hide):
		default: // the first one is why
		}
	}
	options.AsyncErrorCB = func(_ *nats.Conn, _ *nats.Subscription, err error) { tell(err) }
	options.ClosedCB = func(c *nats.Conn) {
		tell(cmp.Or(c.LastError(), errPeerClosed))
		close(ended)
	}
	conn, err := options.Connect()
	if err != nil {
		w.Close()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return d.explain(err, hide)
	}
	d.wire, d.conn, d.lost, d.ended, d.hide = w, conn, lost, ended, hide
	d.asked = 0
	if err := d.prepare(ctx); err != nil {
		_ = d.Close()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return d.explain(err, hide)
	}
	return nil
}

// prepare subscribes to the acknowledgements, and makes the stream if told to.
func (d *natsLines) prepare(ctx context.Context) error {
	if !d.conn.HeadersSupported() {
		return errors.New("the server is too old: it takes no headers (that came with nats-server 2.2)")
	}
	d.inbox = d.address.option("inbox", "_INBOX") + "." + nats.NewInbox()[len(nats.InboxPrefix):]
	// All that Send may have under way fits, so the library never has to drop an answer.
	d.answers = make(chan *nats.Msg, natsBatch.lines+16)
	if _, err := d.conn.ChanSubscribe(d.inbox+".*", d.answers); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, tcpDialTimeout)
	defer cancel()
	if err := d.conn.FlushWithContext(limited); err != nil {
		return cmp.Or(d.conn.LastError(), err)
	}
	if err := d.conn.LastError(); err != nil {
		return err // the subscription is not allowed
	}
	if d.create != nil {
		return d.makeStream(ctx)
	}
	return nil
}

// Send implements Destination. The lines are published one after the other, but those that are settled; what counts as
// taken is the run of them, from the first, that the stream has acknowledged.
func (d *natsLines) Send(ctx context.Context, b Batch) (int, error) {
	if err := d.gone(); err != nil {
		return 0, unsent(err)
	}
	stop := context.AfterFunc(ctx, d.wire.interrupt)
	defer stop()
	p := published{first: d.asked, outcomes: make([]outcome, 0, len(b.Lines))}
	for i, line := range b.Lines {
		if o, is := d.settled[b.First+uint64(i)]; is {
			p.outcomes = append(p.outcomes, o)
			continue
		}
		m := &nats.Msg{Subject: d.subject.subject(line), Reply: d.inboxOf(d.asked), Data: line, Header: nats.Header{nats.MsgIdHdr: {b.ID(i)}}}
		if d.stream != "" {
			m.Header[nats.ExpectedStreamHdr] = []string{d.stream}
		}
		err := d.conn.PublishMsg(m)
		if errors.Is(err, nats.ErrMaxPayload) {
			p.after = tooLarge("a line of %d bytes, with its header, is larger than the server takes (max_payload, %d bytes)", len(line), d.conn.MaxPayload())
			break
		}
		if err != nil {
			p.after = d.explain(err, d.hide)
			if ctx.Err() == nil && len(p.asked) == 0 && errors.Is(err, nats.ErrConnectionClosed) {
				p.after = unsent(d.why(err))
			}
			break
		}
		d.asked++
		p.asked = append(p.asked, i)
		p.outcomes = append(p.outcomes, outcome{subject: m.Subject})
	}
	n, err := d.await(ctx, &p)
	d.settle(b.First, &p)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return n, err
}

// settle keeps what is known of the lines behind the first that was not taken. first is the number of the first of p.
func (d *natsLines) settle(first uint64, p *published) {
	clear(d.settled) // they were all in p, or before it
	for i, o := range p.outcomes[p.taken:] {
		if o.final() {
			d.settled[first+uint64(p.taken+i)] = o
		}
	}
}

// published is what became of the lines of one Send.
type published struct {
	first    uint64    // number of the first answer
	asked    []int     // the lines that were published, in the order of their answers' numbers
	outcomes []outcome // of the lines, as far as it went
	taken    int       // lines, from the first, that are acknowledged
	open     int       // lines without an answer
	after    error     // why no more were published; nil if all were
}

type outcome struct {
	subject  string
	answered bool
	err      error
}

// final tells whether there is nothing more to be done about the line.
func (o outcome) final() bool { return o.answered && (o.err == nil || o.drops() != nil) }

// drops is why the line is to be dropped, or nil.
func (o outcome) drops() *DropError {
	var drop *DropError
	errors.As(o.err, &drop)
	return drop
}

// await waits until all lines are acknowledged, or one is not.
func (d *natsLines) await(ctx context.Context, p *published) (int, error) {
	p.open = len(p.asked)
	p.count()
	if drop := (*DropError)(nil); p.after != nil && !errors.As(p.after, &drop) {
		// The connection is broken: what is acknowledged by now is, and what is not is sent again.
		return d.drain(p), cmp.Or(p.verdict(), p.after)
	}
	limit := time.NewTimer(d.stall())
	defer limit.Stop()
	for {
		if err := p.verdict(); err != nil || p.taken == len(p.outcomes) {
			return p.taken, cmp.Or(err, p.after)
		}
		select {
		case m := <-d.answers:
			d.note(p, m)
			limit.Reset(d.stall())
		case err := <-d.lost:
			return d.drain(p), cmp.Or(p.verdict(), err)
		case <-limit.C:
			return p.taken, fmt.Errorf("no stream has acknowledged the subject %q for %v", p.outcomes[p.taken].subject, d.stall())
		case <-ctx.Done():
			return p.taken, ctx.Err()
		}
	}
}

// drain books the answers that are there, and returns how many lines are taken.
func (d *natsLines) drain(p *published) int {
	for len(d.answers) > 0 {
		d.note(p, <-d.answers)
	}
	return p.taken
}

// note books an answer.
func (d *natsLines) note(p *published, m *nats.Msg) {
	n, ok := d.answerOf(m)
	if i := n - p.first; ok && n >= p.first && i < uint64(len(p.asked)) {
		if o := &p.outcomes[p.asked[i]]; !o.answered {
			o.answered, o.err = true, readPubAck(m, o.subject, d.stream, d.hide)
			p.open--
		}
	}
	p.count()
}

// count brings taken up to date.
func (p *published) count() {
	for p.taken < len(p.outcomes) && p.outcomes[p.taken].answered && p.outcomes[p.taken].err == nil {
		p.taken++
	}
}

// verdict is the error of the first line that is not acknowledged, if it has one. Where that line is to be dropped, and
// with it those that follow it and are, too, the connection goes on, so the answers to all others are waited for.
func (p *published) verdict() error {
	if p.taken == len(p.outcomes) || p.outcomes[p.taken].err == nil {
		return nil
	}
	first := p.outcomes[p.taken].drops()
	if first == nil {
		return p.outcomes[p.taken].err
	}
	if p.open > 0 {
		return nil
	}
	all := *first
	all.Lines = 0
	for _, o := range p.outcomes[p.taken:] {
		if drop := o.drops(); drop == nil || drop.Reason != all.Reason {
			break
		}
		all.Lines++
	}
	return &all
}

// Lost implements Watched.
func (d *natsLines) Lost() <-chan error { return d.lost }

// Close implements Destination. What is not acknowledged by now is sent again, so nothing is flushed.
func (d *natsLines) Close() error {
	d.wire.closing.Store(true)
	err := d.wire.Close() // a write that waits ends, and with it the library's lock
	d.conn.Close()
	limit := time.NewTimer(tcpLinger)
	defer limit.Stop()
	select {
	case <-d.ended:
	case <-limit.C:
	}
	if errors.Is(err, net.ErrClosed) {
		return nil // the library was faster
	}
	return err
}

// gone says why the connection is of no use, or nil.
func (d *natsLines) gone() error {
	if d.conn.IsClosed() {
		return d.why(errPeerClosed)
	}
	if err := d.wire.closed(); err != nil {
		return err
	}
	return nil
}

// why is what is known of the end of the connection, or otherwise.
func (d *natsLines) why(otherwise error) error {
	select {
	case err := <-d.lost:
		return err
	default:
		return otherwise
	}
}

func (d *natsLines) stall() time.Duration { return d.address.duration(stallOption.name, tcpStall) }

// inboxOf is where the answer with a number comes to, answerOf the reverse.
func (d *natsLines) inboxOf(n uint64) string { return d.inbox + "." + strconv.FormatUint(n, 36) }

func (d *natsLines) answerOf(m *nats.Msg) (uint64, bool) {
	n, err := strconv.ParseUint(strings.TrimPrefix(m.Subject, d.inbox+"."), 36, 64)
	return n, err == nil
}

// authenticate reads the credentials. What is wrong with them is said at the start; a renewed file is used at the next
// connection. It returns what the server is sent of them.
func (d *natsLines) authenticate(o *nats.Options) (*secrets, error) {
	creds, user, password := d.address.Options["creds"], d.address.Options["user"], d.address.Options["password_file"]
	switch {
	case creds != "" && (user != "" || password != ""):
		return nil, errors.New("option creds does not go together with user and password_file")
	case creds != "":
		text, err := readSmallFile(creds, maxSecretFile)
		if err != nil {
			return nil, fmt.Errorf("option creds: %w", err)
		}
		err = nats.UserCredentialBytes(text)(o)
		var jwt string
		if err == nil {
			jwt, err = o.UserJWT()
		}
		if err == nil {
			_, err = o.SignatureCB(nil)
		}
		if err != nil {
			return nil, fmt.Errorf("option creds: %s: %s", creds, strings.TrimPrefix(err.Error(), "nats: "))
		}
		return newSecrets(jwt), nil // the key stays here
	case user != "" && password == "":
		return nil, errors.New("option user needs the option password_file")
	case password != "" && user == "":
		return nil, errors.New("option password_file needs the option user")
	case user != "":
		line, err := readSecret(password)
		if err != nil {
			return nil, fmt.Errorf("option password_file: %w", err)
		}
		o.User, o.Password = user, line
		return newSecrets(line), nil
	}
	return nil, nil
}

var (
	errWantsTLS = errors.New("the server demands TLS; write nats+tls in the address instead of nats")
	errNoTLS    = errors.New("the server does not offer TLS, and nats+tls sends nothing in the clear; switch TLS on at the server, or write nats if that is what you want")
)

// secure has the connection be what the scheme says. The library would begin TLS by itself where the server asks for
// it, with other options than the address has: so nats refuses that.
func (d *natsLines) secure(o *nats.Options) (err error) {
	if d.address.Scheme != "nats+tls" {
		o.TLSCertCB = func() (tls.Certificate, error) { return tls.Certificate{}, errWantsTLS }
		return nil
	}
	o.Secure = true
	o.TLSHandshakeFirst = d.address.yes("handshake_first")
	o.TLSConfig, err = tlsConfig(d.address)
	return err
}

// explain says what to do about an error of the library's, which may quote what the server has said.
func (d *natsLines) explain(err error, hide *secrets) error {
	err = hide.hideIn(err)
	switch {
	case errors.Is(err, io.EOF):
		return errPeerClosed
	case errors.Is(err, nats.ErrSecureConnWanted):
		return errNoTLS
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked),
		errors.Is(err, nats.ErrAccountAuthExpired):
		return fmt.Errorf("%w: the server does not accept the credentials (options creds, user and password_file)", err)
	case errors.Is(err, nats.ErrPermissionViolation):
		return fmt.Errorf("%w: the user must be allowed to publish to %s and to subscribe to %s.>, and with create=yes to publish to $JS.API.STREAM.INFO and CREATE",
			err, d.subject.filter, d.address.option("inbox", "_INBOX"))
	case errors.Is(err, nats.ErrStaleConnection):
		return fmt.Errorf("%w: the server answers to no ping for %v", err, d.stall())
	}
	return err
}

// checkInbox is the check of the option inbox.
func checkInbox(s string) error {
	t, err := parseSubject(strings.TrimPrefix(s, "_"))
	if err == nil && t.fields {
		err = errors.New("has a field; it is plain text")
	}
	return err
}

// dialed gives the library the connection that is there already.
type dialed struct{ *wire }

// Dial implements nats.CustomDialer.
func (d dialed) Dial(string, string) (net.Conn, error) { return d.wire, nil }
