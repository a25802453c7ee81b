package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"
)

// fake is a daemon that does as it is told.
type fake struct {
	hold chan struct{} // a run of the check "held" waits for it, and for ctx
	gone chan string   // gets the names of runs whose ctx ended
	held chan struct{} // gets something when the run waits
}

func newFake() *fake {
	return &fake{hold: make(chan struct{}), gone: make(chan string, 100), held: make(chan struct{}, 100)}
}

func (f *fake) Reload(context.Context) (*ReloadResult, error) {
	return &ReloadResult{OK: true, Scripts: 2, Checks: 3, Errors: []ReloadError{}}, nil
}

func (f *fake) Status(filter Filter) *Status {
	s := &Status{Daemon: DaemonStatus{Version: "v1", PID: 7}}
	for _, name := range []string{"a", "b/c", "disk é"} {
		if filter.Wants(name) {
			s.Checks = append(s.Checks, Check{Name: name})
		}
	}
	return s
}

func (f *fake) RunCheck(ctx context.Context, name string) (*CheckRun, error) {
	switch name {
	case "none":
		return nil, Errorf(CodeUnknownCheck, "no check is named %q", name)
	case "held":
		f.held <- struct{}{}
		select {
		case <-f.hold:
		case <-ctx.Done():
			f.gone <- name
			return nil, ctx.Err()
		}
	}
	return &CheckRun{Check: name, Outcome: "ok", Messages: []json.RawMessage{json.RawMessage(`{"a":"<&>"}`)}}, nil
}

// serve serves a fake daemon until the test ends.
func serve(t *testing.T, d Daemon) (path string) {
	t.Helper()
	return serveAs(t, NewServer(d, zaptest.NewLogger(t)))
}

func serveAs(t *testing.T, s *Server) (path string) {
	t.Helper()
	path = filepath.Join(folder(t), "s")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		s.Close(ctx)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(path); err == nil {
			t.Error("the socket is left behind")
		}
	})
	return path
}

func client(t *testing.T, path string) *Client {
	t.Helper()
	c := NewClient(path)
	t.Cleanup(c.Close)
	return c
}

func TestNamesOfChecksMayHoldAnything(t *testing.T) {
	t.Parallel()
	c := client(t, serve(t, newFake()))
	for _, name := range []string{
		"a", "disk /var", "a/b", "/", "//", ".", "..", "../../v1/reload", "50%", "%2F", "a?b=c#d", "é\n\t", "\xff", "a+b&c;d", `"\`,
		"host.lua#3 Function", strings.Repeat("long ", 1000),
	} {
		run, err := c.RunCheck(t.Context(), name)
		if err != nil {
			t.Errorf("%.20q: %v", name, err)
			continue
		}
		// JSON has no bytes that are no UTF-8.
		if want := strings.ToValidUTF8(name, "\uFFFD"); run.Check != want || len(run.Messages) != 1 || string(run.Messages[0]) != `{"a":"<&>"}` {
			t.Errorf("%.20q: got %.40q %s", name, run.Check, run.Messages)
		}
	}
}

func TestClientAndServer(t *testing.T) {
	t.Parallel()
	c := client(t, serve(t, newFake()))
	reload, err := c.Reload(t.Context())
	if err != nil || !reload.OK || reload.Scripts != 2 {
		t.Errorf("reload: %+v, %v", reload, err)
	}
	status, err := c.Status(t.Context(), Filter{Names: []string{"b/*", "disk ?"}})
	if err != nil || status.Daemon.PID != 7 || len(status.Checks) != 2 {
		t.Errorf("status: %+v, %v", status, err)
	}
	_, err = c.RunCheck(t.Context(), "none")
	var known *Error
	if !errors.As(err, &known) || known.Code != CodeUnknownCheck || known.Message != `no check is named "none"` {
		t.Errorf("run of none: %v", err)
	}
}

// request writes a request as it is and gives the status line and the body.
func request(t *testing.T, path, text string) (status string, body string) {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	writing := make(chan struct{})
	go func() { // the answer may come before all is written
		defer close(writing)
		_, _ = io.WriteString(c, text)
	}()
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	// The server resets the connection when it leaves something unread.
	all, err := io.ReadAll(response.Body)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Fatal(err)
	}
	c.Close()
	<-writing
	return response.Status, string(all)
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	path := serve(t, newFake())
	const end = " HTTP/1.1\r\nHost: x\r\n"
	for _, c := range []struct{ name, request, status, code string }{
		{"another path", "GET /v2" + end + "\r\n", "404 Not Found", "not_found"},
		{"the root", "GET /" + end + "\r\n", "404 Not Found", "not_found"},
		{"a GET of what changes something", "GET /v1/reload" + end + "\r\n", "405 Method Not Allowed", "bad_method"},
		{"a GET of a run", "GET /v1/checks/a/run" + end + "\r\n", "405 Method Not Allowed", "bad_method"},
		{"a POST of a status", "POST /v1/status" + end + "Content-Length: 0\r\n\r\n", "405 Method Not Allowed", "bad_method"},
		{"a filter that is not known", "GET /v1/status?nmae=a" + end + "\r\n", "400 Bad Request", "bad_request"},
		{"a huge body", "POST /v1/reload" + end + "Content-Length: 9000000\r\n\r\n" + strings.Repeat("x", 9_000_000), "413 Request Entity Too Large", "too_large"},
		{"a huge body in chunks", "POST /v1/reload" + end + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1000\r\n"+strings.Repeat("x", 4096)+"\r\n", 10), "413 Request Entity Too Large", "too_large"},
		{"a check that is not there", "POST /v1/checks/none/run" + end + "\r\n", "404 Not Found", "unknown_check"},
		{"a huge header", "GET /v1/status" + end + "X: " + strings.Repeat("x", 1<<20) + "\r\n\r\n", "431 Request Header Fields Too Large", ""},
		{"no HTTP", "hello\r\n\r\n", "400 Bad Request", ""},
		{"a small body that nobody needs", "POST /v1/reload" + end + "Content-Length: 2\r\n\r\n{}", "200 OK", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			status, body := request(t, path, c.request)
			if status != c.status {
				t.Errorf("%s: %s", status, body)
			}
			var e errorBody
			if c.code != "" && (json.Unmarshal([]byte(body), &e) != nil || e.Error == nil || string(e.Error.Code) != c.code || e.Error.Message == "") {
				t.Errorf("the body is %s", body)
			}
		})
	}
}

func TestEveryCodeHasAStatus(t *testing.T) {
	t.Parallel()
	for _, code := range []Code{
		CodeBadRequest, CodeNotFound, CodeMethod, CodeTooLarge, CodeUnknownCheck, CodeNotACheck, CodeBusy, CodeQuarantined,
		CodeStopping, CodeStarting, CodeStuck,
	} {
		if s := statuses[code]; s < 400 || s > 599 {
			t.Errorf("%s: %d", code, s)
		}
	}
}

func TestAClientThatSaysNothingIsCutOff(t *testing.T) {
	t.Parallel()
	path := serveAs(t, newServer(newFake(), zaptest.NewLogger(t), 50*time.Millisecond))
	for _, begun := range []string{
		"", "GET /v1/sta",
		"POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nfew",
		"POST /v1/reload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nfew",
	} {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, begun); err != nil {
			t.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.ReadAll(c); err != nil {
			t.Errorf("%q: %v", begun, err)
		}
	}
}

func TestTheRunEndsWhenTheClientIsGone(t *testing.T) {
	t.Parallel()
	f := newFake()
	path := serve(t, f)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := client(t, path).RunCheck(ctx, "held")
		done <- err
	}()
	<-f.held
	cancel()
	select {
	case <-f.gone:
	case <-time.After(patience):
		t.Fatal("the daemon does not know")
	}
	var unreachable *UnreachableError
	if err := <-done; !errors.As(err, &unreachable) || !errors.Is(err, context.Canceled) {
		t.Errorf("the client: %v", err)
	}
}

func TestAnAnswerMayTakeLongerThanARequest(t *testing.T) {
	t.Parallel()
	f := newFake()
	const readTime = 20 * time.Millisecond
	c := client(t, serveAs(t, newServer(f, zaptest.NewLogger(t), readTime)))
	done := make(chan error, 1)
	go func() {
		_, err := c.RunCheck(t.Context(), "held")
		done <- err
	}()
	<-f.held
	select {
	case <-f.gone:
		t.Fatal("the client was taken for gone")
	case <-time.After(5 * readTime): // it would have been by now
	}
	close(f.hold)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestManyClients(t *testing.T) {
	t.Parallel()
	path := serve(t, newFake())
	var wg sync.WaitGroup
	for i := range 3 * maxConnections {
		wg.Go(func() {
			c := NewClient(path)
			defer c.Close()
			var err error
			switch i % 3 {
			case 0:
				_, err = c.Reload(t.Context())
			case 1:
				_, err = c.Status(t.Context(), Filter{})
			case 2:
				_, err = c.RunCheck(t.Context(), fmt.Sprint("check ", i))
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	stale, silent, other := filepath.Join(dir, "stale"), filepath.Join(dir, "silent"), filepath.Join(dir, "other")
	leaveStale(t, stale)
	listen(t, silent)
	l := listen(t, other)
	var answering sync.WaitGroup
	answering.Go(func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = http.ReadRequest(bufio.NewReader(c))
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
		c.Close()
	})
	defer answering.Wait()
	for _, c := range []struct{ name, path, want string }{
		{"no socket", filepath.Join(dir, "none"), "which does not exist: is it running, and is that its --control?"},
		{"a stale socket", stale, "the one that made it has ended"},
		{"a daemon that does not answer", silent, "has not answered in time"},
		{"something else", other, "its answer cannot be read"},
		{"a path too long", filepath.Join(dir, strings.Repeat("x", 200)), "the path of a unix socket at most 107"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		if c.path == silent {
			cancel()
			ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
		}
		_, err := client(t, c.path).Status(ctx, Filter{})
		cancel()
		var unreachable *UnreachableError
		if !errors.As(err, &unreachable) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.path) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
