package output

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// running starts a server for the time of a test.
func (p *natsServer) running(t *testing.T) *natsServer {
	t.Helper()
	p.start(t)
	t.Cleanup(func() { p.resume(); p.stop(t) })
	return p
}

// options is the address with options.
func (p *natsServer) with(options string) string {
	mark := "?"
	if p.ca != "" {
		mark = "&"
	}
	return p.String() + mark + options
}

func lines(texts ...string) (all [][]byte) {
	for _, text := range texts {
		all = append(all, []byte(text))
	}
	return all
}

// connected is a destination without a sender, with a connection.
func connected(t *testing.T, address string) Destination {
	t.Helper()
	d := opened(t, address)
	must(t, d.Connect(t.Context()))
	t.Cleanup(func() { must(t, d.Close()) })
	return d
}

func TestNATSPublishesEachMessageToItsSubjectWithItsIdentity(t *testing.T) {
	p := newNATSServer(t).running(t)
	d := connected(t, p.String())
	b := Batch{Lines: lines(`{"location":{"host":"web01"},"event":{"name":"load"}}`, `{"n":2}`), First: 5, Origin: "origin"}
	if n, err := d.Send(t.Context(), b); n != 2 || err != nil {
		t.Fatalf("sent %d, %v", n, err)
	}
	got, subjects := p.stored(t, "DUMBPROBE")
	expect(t, got, []string{string(b.Lines[0]), string(b.Lines[1])})
	expect(t, subjects, []string{"dumbprobe.web01.load", "dumbprobe._._"})
	m, err := p.jetStream(t).GetMsg("DUMBPROBE", 1)
	must(t, err)
	if id := m.Header.Get(nats.MsgIdHdr); id != b.ID(0) {
		t.Errorf("the identity is %q, want %q", id, b.ID(0))
	}
}

func TestNATSDropsWhatComesTwiceAlsoAfterItsRestart(t *testing.T) {
	p := newNATSServer(t).running(t)
	b := Batch{Lines: lines("1", "2", "3"), First: 1, Origin: "origin"}
	send := func(b Batch) {
		t.Helper()
		d := opened(t, p.String())
		must(t, d.Connect(t.Context()))
		defer d.Close()
		if n, err := d.Send(t.Context(), b); n != len(b.Lines) || err != nil {
			t.Fatalf("sent %d, %v", n, err)
		}
	}
	send(b)
	send(b)
	p.stop(t)
	p.start(t)
	b.Lines = append(b.Lines, []byte("3")) // equal bytes, and another message
	send(b)
	got, _ := p.stored(t, "DUMBPROBE")
	expect(t, got, []string{"1", "2", "3", "3"})
}

// An acknowledgement that never comes: half of the connection is dead.
func TestNATSSendsAgainWhatIsNotAcknowledged(t *testing.T) {
	p := newNATSServer(t).running(t)
	w := newWatch(t)
	f := start(t, Options{Addresses: []Address{address(t, p.with("stall=1s"))}, OnEvent: w.on})
	w.wait(Connected)
	p.proxy.mute.Store(true)
	f.Send([]byte("1"))
	f.Send([]byte("2"))
	if e := w.wait(Lost); !strings.Contains(e.Err.Error(), "for 1s") {
		t.Errorf("lost because of %v", e.Err)
	}
	p.box().waitFor(t, 1) // it was stored
	p.proxy.mute.Store(false)
	flush(t, f)
	expect(t, p.box().waitFor(t, 2), []string{"1", "2"})
	if got, _ := p.stored(t, "DUMBPROBE"); len(got) != 2 {
		t.Errorf("stored: %q", got)
	}
	if s := f.Stats()[0]; s.SentAgain == 0 || s.Acknowledged != 2 {
		t.Errorf("stats: %+v", s)
	}
}

func TestNATSNoticesADeadConnectionWhileIdle(t *testing.T) {
	p := newNATSServer(t).running(t)
	w := newWatch(t)
	start(t, Options{Addresses: []Address{address(t, p.with("stall=1s"))}, OnEvent: w.on})
	w.wait(Connected)
	p.proxy.mute.Store(true)
	if e := w.wait(Lost); !strings.Contains(e.Err.Error(), "the server answers to no ping for 1s") {
		t.Errorf("lost because of %v", e.Err)
	}
}

func TestNATSKeepsWhatNoStreamTakes(t *testing.T) {
	p := newNATSServer(t)
	p.stream = nil
	p.running(t)
	w := newWatch(t)
	f := start(t, Options{Addresses: []Address{address(t, p.String())}, OnEvent: w.on})
	f.Send([]byte("1"))
	if e := w.wait(Lost); !strings.Contains(e.Err.Error(), `no stream takes the subject "dumbprobe._._": add it to one`) {
		t.Errorf("lost because of %v", e.Err)
	}
	_, err := p.jetStream(t).AddStream(&nats.StreamConfig{Name: "LATE", Subjects: []string{"dumbprobe.>"}})
	must(t, err)
	flush(t, f)
	got, _ := p.stored(t, "LATE")
	expect(t, got, []string{"1"})
	if s := f.Stats()[0]; len(s.Dropped) > 0 || s.Acknowledged != 1 {
		t.Errorf("stats: %+v", s)
	}
}

func TestNATSBelievesNoAnswerButAStreams(t *testing.T) {
	p := newNATSServer(t)
	p.stream = nil
	p.running(t)
	_, err := p.admin.Subscribe("dumbprobe.>", func(m *nats.Msg) { _ = m.Respond([]byte(`{"thanks":true}`)) })
	must(t, err)
	must(t, p.admin.Flush())
	d := connected(t, p.String())
	n, err := d.Send(t.Context(), Batch{Lines: lines("1")})
	if n != 0 || err == nil || !strings.Contains(err.Error(), `is no stream; it said "{\"thanks\":true}"`) {
		t.Errorf("sent %d, %v", n, err)
	}
}

func TestNATSDropsWhatIsTooLarge(t *testing.T) {
	for _, tt := range []struct {
		name   string
		server func(p *natsServer)
		err    string
	}{
		{"for the server", func(p *natsServer) { p.options.MaxPayload = 1000 }, "larger than the server takes (max_payload, 1000 bytes)"},
		{"for the stream", func(p *natsServer) { p.stream.MaxMsgSize = 1000 }, "the stream's limit of a message (max_msg_size)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newNATSServer(t)
			tt.server(p)
			p.running(t)
			d := connected(t, p.String())
			b := Batch{Lines: lines("1", strings.Repeat("x", 1000), "3", "4"), First: 1, Origin: "o"}
			n, err := d.Send(t.Context(), b)
			drop, ok := err.(*DropError)
			if n != 1 || !ok || drop.Reason != DropTooLarge || !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("sent %d, %v", n, err)
			}
			// On the same connection, and without the late answers being taken for others'.
			if n, err := d.Send(t.Context(), Batch{Lines: b.Lines[2:], First: 3, Origin: "o"}); n != 2 || err != nil {
				t.Fatalf("sent %d, %v", n, err)
			}
			got, _ := p.stored(t, "DUMBPROBE")
			expect(t, got, []string{"1", "3", "4"})
		})
	}
}

func TestNATSDropsAreCounted(t *testing.T) {
	p := newNATSServer(t)
	p.stream.MaxMsgSize = 1000
	f := start(t, Options{Addresses: []Address{address(t, p.String())}})
	for _, line := range []string{"1", strings.Repeat("x", 1001), "3", "4"} {
		f.Send([]byte(line))
	}
	p.running(t)
	flush(t, f)
	expect(t, p.box().waitFor(t, 3), []string{"1", "3", "4"})
	s := f.Stats()[0]
	balanced(t, s)
	if s.Dropped[DropTooLarge] != 1 || s.Acknowledged != 3 || s.SentAgain != 0 {
		t.Errorf("stats: %+v", s)
	}
}

// What the stream refuses for good costs one message, and what it took behind that is not published again.
func TestNATSPublishesEachLineOnceBesideLinesThatAreTooLarge(t *testing.T) {
	long := strings.Repeat("x", 1001)
	for _, tt := range []struct {
		name  string
		large func(i int) bool
	}{
		{"all", func(int) bool { return true }},
		{"each other", func(i int) bool { return i%2 == 0 }},
		{"the last but one", func(i int) bool { return i == 798 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newNATSServer(t)
			p.stream.MaxMsgSize = 1000
			p.running(t)
			var published atomic.Int64
			sub, err := p.admin.Subscribe("dumbprobe.>", func(*nats.Msg) { published.Add(1) })
			must(t, err)
			must(t, p.admin.Flush())
			f := start(t, Options{Addresses: []Address{address(t, p.String())}})
			var want []string
			for i := range 800 {
				line := fmt.Sprint(i)
				if tt.large(i) {
					line = long + line
				} else {
					want = append(want, line)
				}
				f.Send([]byte(line))
			}
			flush(t, f)
			expect(t, p.box().waitFor(t, len(want)), want)
			must(t, p.admin.Flush())
			s := f.Stats()[0]
			balanced(t, s)
			if s.Dropped[DropTooLarge] != uint64(800-len(want)) || s.Acknowledged != uint64(len(want)) || s.SentAgain != 0 {
				t.Errorf("stats: %+v", s)
			}
			within(t, "what was published is here", func() bool {
				waiting, _, err := sub.Pending()
				return err == nil && waiting == 0 && published.Load() >= 800
			})
			if n := published.Load(); n != 800 {
				t.Errorf("800 lines were published %d times", n)
			}
		})
	}
}

func TestNATSWaitsForAFullStream(t *testing.T) {
	p := newNATSServer(t)
	p.stream.MaxMsgs, p.stream.Discard = 2, nats.DiscardNew
	p.running(t)
	w := newWatch(t)
	f := start(t, Options{Addresses: []Address{address(t, p.String())}, OnEvent: w.on})
	for _, line := range []string{"1", "2", "3", "4"} {
		f.Send([]byte(line))
	}
	if e := w.wait(Lost); !strings.Contains(e.Err.Error(), "the stream takes nothing more until there is room, or its limits are raised: maximum messages exceeded") {
		t.Errorf("lost because of %v", e.Err)
	}
	p.box().waitFor(t, 2)
	must(t, p.jetStream(t).PurgeStream("DUMBPROBE"))
	flush(t, f)
	got := p.box().waitFor(t, 4)
	expect(t, got[:2], []string{"1", "2"})
	slices.Sort(got[2:]) // 4 may have been on its way when there was room again: docs/delivery.md
	expect(t, got[2:], []string{"3", "4"})
	if s := f.Stats()[0]; len(s.Dropped) > 0 || s.Acknowledged != 4 {
		t.Errorf("stats: %+v", s)
	}
}

func TestNATSMakesItsStream(t *testing.T) {
	p := newNATSServer(t)
	p.stream = nil
	p.running(t)
	address := p.with("subject=probe.{host}.{aspect}&stream=MADE&create=yes&storage=memory&max_age=24h&max_bytes=1000000&duplicates=10m")
	d := connected(t, address)
	if n, err := d.Send(t.Context(), Batch{Lines: lines("1"), Origin: "o"}); n != 1 || err != nil {
		t.Fatalf("sent %d, %v", n, err)
	}
	info, err := p.jetStream(t).StreamInfo("MADE")
	must(t, err)
	c := info.Config
	if diff := cmp.Diff([]string{"probe.*.*"}, c.Subjects); diff != "" {
		t.Error(diff)
	}
	if c.Storage != nats.MemoryStorage || c.MaxAge != 24*time.Hour || c.MaxBytes != 1_000_000 || c.Duplicates != 10*time.Minute || c.Replicas != 1 || c.Discard != nats.DiscardOld {
		t.Errorf("made: %+v", c)
	}

	// One that is there is left as it is.
	c.MaxAge = time.Hour
	_, err = p.jetStream(t).UpdateStream(&c)
	must(t, err)
	connected(t, address)
	info, err = p.jetStream(t).StreamInfo("MADE")
	must(t, err)
	if info.Config.MaxAge != time.Hour {
		t.Errorf("a stream that was there was changed: %+v", info.Config)
	}
}

func TestNATSMakesAStreamWithTheServersDefaults(t *testing.T) {
	p := newNATSServer(t)
	p.stream = nil
	p.running(t)
	connected(t, p.with("stream=MADE&create=yes"))
	info, err := p.jetStream(t).StreamInfo("MADE")
	must(t, err)
	if c := info.Config; c.Storage != nats.FileStorage || c.Duplicates != 2*time.Minute || c.MaxBytes != -1 || c.MaxAge != 0 {
		t.Errorf("made: %+v", c)
	}
}

func TestNATSTakesNoOtherStreamThanTheOneNamed(t *testing.T) {
	p := newNATSServer(t).running(t)
	d := connected(t, p.with("stream=OTHER"))
	n, err := d.Send(t.Context(), Batch{Lines: lines("1"), Origin: "o"})
	if n != 0 || err == nil || !strings.Contains(err.Error(), "is taken by another stream than OTHER") {
		t.Errorf("sent %d, %v", n, err)
	}
}

func TestNATSSaysThatJetStreamIsOff(t *testing.T) {
	o := &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true}
	s, err := server.NewServer(o)
	must(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(patience) {
		t.Fatal("the server does not get ready")
	}
	at := "nats:" + s.Addr().String()
	d := opened(t, at+"?stream=MADE&create=yes")
	if err := d.Connect(t.Context()); err == nil || !strings.Contains(err.Error(), "JetStream is off at the server") {
		t.Errorf("the error is %v", err)
	}
	plain := connected(t, at)
	if n, err := plain.Send(t.Context(), Batch{Lines: lines("1")}); n != 0 || err == nil || !strings.Contains(err.Error(), "or JetStream is off at the server") {
		t.Errorf("sent %d, %v", n, err)
	}
}

// A cluster without a leader drops a request of the API in silence.
func TestNATSAsksAgainWhatNobodyAnswered(t *testing.T) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true})
	must(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(patience) {
		t.Fatal("the server does not get ready")
	}
	api, err := nats.Connect("", nats.InProcessServer(s), nats.NoReconnect())
	must(t, err)
	t.Cleanup(api.Close)
	asked := 0
	_, err = api.Subscribe("$JS.API.STREAM.INFO.MADE", func(m *nats.Msg) {
		if asked++; asked > 1 {
			_ = m.Respond([]byte(`{"config":{"name":"MADE"}}`))
		}
	})
	must(t, err)
	must(t, api.Flush())
	began := time.Now()
	connected(t, "nats:"+s.Addr().String()+"?stream=MADE&create=yes")
	if took := time.Since(began); took > tcpDialTimeout {
		t.Errorf("it took %v", took)
	}
}

func TestNATSUsersAndPasswords(t *testing.T) {
	p := newNATSServer(t)
	p.stream = nil
	p.options.Users = []*server.User{
		{Username: "probe", Password: "s3cret"},
		{Username: "mute", Password: "s3cret", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"dumbprobe.>"}}}},
		{Username: "deaf", Password: "s3cret", Permissions: &server.Permissions{Subscribe: &server.SubjectPermission{Allow: []string{"mine.>"}}}},
	}
	p.options.NoSystemAccount = true
	p.running(t)
	good, bad := filepath.Join(t.TempDir(), "good"), filepath.Join(t.TempDir(), "bad")
	must(t, os.WriteFile(good, []byte("s3cret\n"), 0o600))
	must(t, os.WriteFile(bad, []byte("wr0ng\n"), 0o600))
	const make = "&stream=S&create=yes"
	for _, tt := range []struct{ name, options, err string }{
		{"the right one", "user=probe&password_file=" + good + make, ""},
		{"a wrong one", "user=probe&password_file=" + bad, "Authorization Violation: the server does not accept the credentials (options creds, user and password_file)"},
		{"none", "stall=30s", "Authorization Violation: the server does not accept the credentials"},
		{"one who may not publish", "user=mute&password_file=" + good + make, `Permissions Violation for Publish to "dumbprobe._._": the user must be allowed to publish to dumbprobe.*.*`},
		{"one who may not listen", "user=deaf&password_file=" + good, "the user must be allowed to publish to dumbprobe.*.* and to subscribe to _INBOX.>"},
		{"one who may listen elsewhere", "user=deaf&password_file=" + good + "&inbox=mine", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWatch(t)
			f := start(t, Options{Addresses: []Address{address(t, p.with(tt.options))}, OnEvent: w.on})
			f.Send([]byte("1"))
			if tt.err == "" {
				flush(t, f)
				return
			}
			e := w.wait(Lost)
			if !strings.Contains(e.Err.Error(), tt.err) {
				t.Errorf("lost because of %v, want %q", e.Err, tt.err)
			}
			if text := e.Err.Error() + f.Stats()[0].Address; strings.Contains(text, "s3cret") || strings.Contains(text, "wr0ng") {
				t.Errorf("a password is shown: %s", text)
			}
			if s := f.Stats()[0]; s.Queued != 1 || len(s.Dropped) > 0 {
				t.Errorf("stats: %+v", s)
			}
		})
	}
}

// credentials makes an operator, an account and a user of it, sets the server up for them, and writes the user's file.
func credentials(t *testing.T, o *server.Options) (path string) {
	t.Helper()
	pair := func(kp nkeys.KeyPair, err error) (nkeys.KeyPair, string) {
		must(t, err)
		public, err := kp.PublicKey()
		must(t, err)
		return kp, public
	}
	operator, operatorID := pair(nkeys.CreateOperator())
	account, accountID := pair(nkeys.CreateAccount())
	system, systemID := pair(nkeys.CreateAccount())
	user, userID := pair(nkeys.CreateUser())
	_ = system
	claims := jwt.NewAccountClaims(accountID)
	claims.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1, Streams: -1, Consumer: -1}
	accountJWT, err := claims.Encode(operator)
	must(t, err)
	systemJWT, err := jwt.NewAccountClaims(systemID).Encode(operator)
	must(t, err)
	operatorClaims := jwt.NewOperatorClaims(operatorID)
	operatorClaims.SystemAccount = systemID
	operatorJWT, err := operatorClaims.Encode(operator)
	must(t, err)
	decoded, err := jwt.DecodeOperatorClaims(operatorJWT)
	must(t, err)
	resolver := &server.MemAccResolver{}
	must(t, resolver.Store(accountID, accountJWT))
	must(t, resolver.Store(systemID, systemJWT))
	o.TrustedOperators, o.SystemAccount, o.AccountResolver = []*jwt.OperatorClaims{decoded}, systemID, resolver
	userJWT, err := jwt.NewUserClaims(userID).Encode(account)
	must(t, err)
	seed, err := user.Seed()
	must(t, err)
	text, err := jwt.FormatUserConfig(userJWT, seed)
	must(t, err)
	path = filepath.Join(t.TempDir(), "probe.creds")
	must(t, os.WriteFile(path, text, 0o600))
	return path
}

func TestNATSCredentialsFile(t *testing.T) {
	p := newNATSServer(t)
	p.stream = nil
	creds, stranger := credentials(t, &p.options), credentials(t, &server.Options{})
	p.running(t)
	d := connected(t, p.with("creds="+creds+"&stream=S&create=yes"))
	if n, err := d.Send(t.Context(), Batch{Lines: lines("1"), Origin: "o"}); n != 1 || err != nil {
		t.Errorf("sent %d, %v", n, err)
	}
	other := opened(t, p.with("creds="+stranger))
	if err := other.Connect(t.Context()); err == nil || !strings.Contains(err.Error(), "the server does not accept the credentials") {
		t.Errorf("the error is %v", err)
	}
	// A renewed file is read at the next connection.
	text, err := os.ReadFile(creds)
	must(t, err)
	must(t, os.WriteFile(stranger, text, 0o600))
	must(t, other.Connect(t.Context()))
	must(t, other.Close())
}

func TestNATSTLS(t *testing.T) {
	good, bad := newAuthority(t), newAuthority(t)
	mine := good.issue(t, "probe")
	for _, tt := range []struct {
		name, scheme, options string
		server                func(o *server.Options)
		err                   string // empty: the line is stored
	}{
		{name: "verified", scheme: "nats+tls", options: "ca=" + good.path},
		{name: "TLS before anything else", scheme: "nats+tls", options: "handshake_first=yes&ca=" + good.path, server: func(o *server.Options) { o.TLSHandshakeFirst = true }},
		{name: "an authority that is not ours", scheme: "nats+tls", options: "ca=" + bad.path, err: "certificate signed by unknown authority"},
		{name: "a certificate for another", scheme: "nats+tls", options: "server_name=collector.example.net&ca=" + good.path, err: "collector.example.net"},
		{name: "in the clear to a server that demands TLS", scheme: "nats", options: "stall=30s", err: "the server demands TLS; write nats+tls in the address instead of nats"},
		{name: "TLS to a server that has none", scheme: "nats+tls", options: "ca=" + good.path, server: func(o *server.Options) { o.TLSConfig = nil }, err: "the server does not offer TLS, and nats+tls sends nothing in the clear"},
		{
			name: "our certificate, where it is asked for", scheme: "nats+tls", options: "ca=" + good.path + "&cert=" + mine.certPath + "&key=" + mine.keyPath,
			server: func(o *server.Options) { o.TLSConfig.ClientAuth = tls.RequireAnyClientCert },
		},
		{
			name: "no certificate, where one is asked for", scheme: "nats+tls", options: "ca=" + good.path,
			server: func(o *server.Options) { o.TLSConfig.ClientAuth = tls.RequireAnyClientCert }, err: "tls",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newNATSServer(t)
			p.options.TLSConfig = &tls.Config{Certificates: []tls.Certificate{good.issue(t, p.host()).pair}}
			p.options.TLSTimeout = patience.Seconds()
			if tt.server != nil {
				tt.server(&p.options)
			}
			p.running(t)
			w := newWatch(t)
			f := start(t, Options{Addresses: []Address{address(t, tt.scheme+":"+p.addr+"?"+tt.options)}, OnEvent: w.on})
			f.Send([]byte("secret"))
			if tt.err == "" {
				flush(t, f)
				expect(t, p.box().waitFor(t, 1), []string{"secret"})
				return
			}
			if e := w.wait(Lost); !strings.Contains(e.Err.Error(), tt.err) {
				t.Errorf("lost because of %v, want %q", e.Err, tt.err)
			}
			if s := f.Stats()[0]; s.Sent != 0 || s.Queued != 1 || len(p.box().received()) > 0 {
				t.Errorf("stats: %+v", s)
			}
		})
	}
}

// One who stands between can say what he likes: neither a password nor a line goes out in the clear.
func TestNATSTLSSaysNothingInTheClear(t *testing.T) {
	for _, info := range []string{
		`{"max_payload":1000000,"headers":true}`,
		`{"max_payload":1000000,"headers":true,"tls_required":false,"tls_available":false,"auth_required":true}`,
		`{"max_payload":1000000,"headers":true,"tls_available":true}`,
	} {
		addr, heard := natsGreeter(t, info)
		password := filepath.Join(t.TempDir(), "password")
		must(t, os.WriteFile(password, []byte("s3cret"), 0o600))
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		d := opened(t, "nats+tls:"+addr+"?user=probe&password_file="+password)
		if err := d.Connect(ctx); err == nil {
			t.Errorf("%s: connected", info)
		}
		if text := heard(); strings.Contains(text, "s3cret") || strings.Contains(text, "CONNECT") {
			t.Errorf("%s: it said %q in the clear", info, text)
		}
	}
}

func TestNATSConnectEndsWithItsContext(t *testing.T) {
	ln := listen(t) // accepts, and says nothing
	d := opened(t, "nats:"+ln.Addr().String())
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	began := time.Now()
	if err := d.Connect(ctx); err != context.Canceled {
		t.Errorf("the error is %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestNATSOptions(t *testing.T) {
	dir := t.TempDir()
	empty, notThere := filepath.Join(dir, "empty"), filepath.Join(dir, "not")
	must(t, os.WriteFile(empty, nil, 0o600))
	for _, tt := range []struct{ options, err string }{
		{"subject={host}", `option subject: "{host}" begins with a field`},
		{"stream=a.b", `option stream: "a.b" is no name of a stream`},
		{"create=yes", "option create needs the option stream"},
		{"stream=S&max_age=1h", "option max_age is about a stream that is made, and needs create=yes"},
		{"stream=S&create=yes&max_age=1m&duplicates=2m", "option duplicates: the time is longer than that of max_age"},
		{"storage=tape&stream=S&create=yes", `option storage: "tape" is none of file, memory`},
		{"creds=" + notThere, "option creds: open " + notThere + ": no such file or directory"},
		{"creds=" + empty, "option creds: " + empty + ": "},
		{"creds=" + empty + "&user=u", "option creds does not go together with user and password_file"},
		{"user=u", "option user needs the option password_file"},
		{"password_file=" + empty, "option password_file needs the option user"},
		{"user=u&password_file=" + empty, "option password_file: " + empty + " is empty"},
		{"user=u&password_file=" + notThere, "option password_file: open " + notThere},
		{"inbox=a.{host}", `option inbox: "a.{host}" has a field`},
		{"ca=" + empty, `unknown option "ca"`},
		{"password=x", `unknown option "password"; the options of nats are `},
	} {
		t.Run(tt.options, func(t *testing.T) {
			a, err := ParseAddress("nats:h:1?" + tt.options)
			if err == nil {
				_, err = kinds["nats"].open(opening{Address: a})
			}
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("the error is %v, want %q", err, tt.err)
			}
		})
	}
}

func TestPubAcks(t *testing.T) {
	for _, tt := range []struct{ name, data, err string }{
		{"stored", `{"stream":"S","seq":1}`, ""},
		{"had already", `{"stream":"S","seq":1,"duplicate":true}`, ""},
		{"of a domain", `{"stream":"S","domain":"hub","seq":1}`, ""},
		{"an unknown error", `{"error":{"code":500,"err_code":10999,"description":"boo"},"stream":"S","seq":0}`, `refuses a message of the subject "x": boo (JetStream's error 10999)`},
		{"no resources", `{"error":{"code":503,"err_code":10023,"description":"insufficient resources"}}`, "has no room for it at the moment"},
		{"nothing", ``, "is no stream"},
		{"no JSON", `+OK`, "is no stream"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := readPubAck(&nats.Msg{Data: []byte(tt.data)}, "x", "S", nil)
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("the error is %v, want %q", err, tt.err)
			}
		})
	}
}

func FuzzPubAck(f *testing.F) {
	f.Add([]byte(`{"stream":"S","seq":1}`))
	f.Add([]byte(`{"error":{"code":400,"err_code":10054,"description":"message size exceeds maximum allowed"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var ack struct {
			Stream string
			Error  any
		}
		err := readPubAck(&nats.Msg{Data: data}, "x", "", nil)
		if wrong := json.Unmarshal(data, &ack) != nil || ack.Stream == "" || ack.Error != nil; wrong != (err != nil) {
			t.Errorf("%q: %v", data, fmt.Sprint(err))
		}
	})
}
