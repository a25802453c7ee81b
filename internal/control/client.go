package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
)

// maxAnswer bounds what a client reads: a status of a million checks is less.
const maxAnswer = 1 << 30

// UnreachableError says that no daemon has answered.
type UnreachableError struct {
	Path string // "": no socket was found
	Err  error
}

func (e *UnreachableError) Error() string {
	switch err := e.Err; {
	case e.Path == "":
		return "no daemon is to be reached: " + err.Error()
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("no daemon is to be reached at %s, which does not exist: is it running, and is that its --control?", e.Path)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("no daemon is to be reached at %s: the one that made it has ended", e.Path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("%s is not for this user: only the daemon's, and root, may use its control socket", e.Path)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("the daemon at %s has not answered in time", e.Path)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return fmt.Sprintf("the daemon at %s has ended, or closed the connection, before it answered", e.Path)
	}
	return fmt.Sprintf("the daemon at %s has not answered: %v", e.Path, e.Err)
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// Client asks the daemon at one socket. Its errors are *UnreachableError and *Error.
type Client struct {
	path string
	http http.Client
}

// NewClient makes a client; nothing is connected yet. Close it.
func NewClient(path string) *Client {
	c := &Client{path: path}
	c.http.Transport = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			if len(path) > maxPath {
				return nil, fmt.Errorf("the path has %d bytes, and the path of a unix socket at most %d", len(path), maxPath)
			}
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		},
		DisableCompression: true,
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// Close closes the connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Reload has the daemon load its scripts again, and waits for that.
func (c *Client) Reload(ctx context.Context) (*ReloadResult, error) {
	result := new(ReloadResult)
	return result, c.do(ctx, http.MethodPost, "/v1/reload", "", result)
}

// Status asks for a status.
func (c *Client) Status(ctx context.Context, f Filter) (*Status, error) {
	status := new(Status)
	return status, c.do(ctx, http.MethodGet, "/v1/status", f.query(), status)
}

// RunCheck has the daemon run a check, and waits for that.
func (c *Client) RunCheck(ctx context.Context, name string) (*CheckRun, error) {
	run := new(CheckRun)
	return run, c.do(ctx, http.MethodPost, "/v1/checks/"+escape(name)+"/run", "", run)
}

// escape makes a segment of a path of any name, also of one that a path would take for a step.
func escape(name string) string {
	if name == "." || name == ".." {
		return strings.ReplaceAll(name, ".", "%2E")
	}
	return url.PathEscape(name)
}

func (c *Client) do(ctx context.Context, method, path, query string, result any) error {
	target := "http://dumbprobe" + path // the host is of no account
	if query != "" {
		target += "?" + query
	}
	request, err := http.NewRequestWithContext(ctx, method, target, nil)
	if err != nil {
		return Errorf(CodeBadRequest, "the request cannot be made: %v", err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return &UnreachableError{c.path, plain(err)}
	}
	defer response.Body.Close()
	body := io.LimitReader(response.Body, maxAnswer)
	if response.StatusCode != http.StatusOK {
		return c.refused(response, body)
	}
	if err := json.NewDecoder(body).Decode(result); err != nil {
		return &UnreachableError{c.path, fmt.Errorf("its answer cannot be read: %w", plain(err))}
	}
	return nil
}

// refused makes an error of an answer that says why there is none.
func (c *Client) refused(response *http.Response, body io.Reader) error {
	text, _ := io.ReadAll(io.LimitReader(body, 64<<10))
	var e errorBody
	if err := json.Unmarshal(text, &e); err != nil || e.Error == nil {
		return &UnreachableError{c.path, fmt.Errorf("its answer is %s, which is not one of dumbprobe's", response.Status)}
	}
	return e.Error
}

// plain takes off what the HTTP client says of a URL that the user has not written.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
