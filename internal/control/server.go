package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"
)

// What a client can cost the daemon.
const (
	maxConnections = 256 // further ones wait for one of these to end
	maxSnapshots   = 2   // statuses made at a time: one of 100,000 checks takes some 100 MB for a moment
	maxHeader      = 16 << 10
	maxBody        = 4 << 10 // none of the requests needs one
	writeTime      = 30 * time.Second
	idleTime       = 30 * time.Second

	defaultReadTime = 5 * time.Second // for a request's header, and for its body
)

// Server serves the control socket.
type Server struct {
	daemon    Daemon
	logger    *zap.Logger
	http      *http.Server
	readTime  time.Duration
	snapshots chan struct{}
}

// NewServer makes a server, which serves nothing yet.
func NewServer(d Daemon, logger *zap.Logger) *Server { return newServer(d, logger, defaultReadTime) }

func newServer(d Daemon, logger *zap.Logger, readTime time.Duration) *Server {
	s := &Server{daemon: d, logger: logger, readTime: readTime, snapshots: make(chan struct{}, maxSnapshots)}
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		ReadHeaderTimeout: readTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          zap.NewStdLog(logger.Named("control")), // what a client did wrong, at info
	}
	return s
}

// Serve answers until Close. It returns an error if the socket fails before that.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(limited(l, maxConnections)); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close closes the socket, gives the answers that are under way until ctx ends, and cuts the others off.
func (s *Server) Close(ctx context.Context) {
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
}

// answer is what answers one kind of request.
type answer func(*http.Request) (any, error)

// route finds the answer to a request, and the methods that are for it. It is no http.ServeMux: that one
// takes "/" as the name of a check for a step of the path.
func (s *Server) route(escapedPath string) (answer, []string, error) {
	switch escapedPath {
	case "/v1/reload":
		return s.reload, []string{http.MethodPost}, nil
	case "/v1/status":
		return s.status, []string{http.MethodGet, http.MethodHead}, nil
	}
	if rest, ok := strings.CutPrefix(escapedPath, "/v1/checks/"); ok {
		if escaped, ok := strings.CutSuffix(rest, "/run"); ok && escaped != "" && !strings.Contains(escaped, "/") {
			name, err := url.PathUnescape(escaped)
			if err != nil {
				return nil, nil, Errorf(CodeBadRequest, "the name of the check cannot be read: %v", err)
			}
			return func(r *http.Request) (any, error) { return s.daemon.RunCheck(r.Context(), name) }, []string{http.MethodPost}, nil
		}
	}
	return nil, nil, Errorf(CodeNotFound, "there is no %s; there are POST /v1/reload, GET /v1/status and POST /v1/checks/{name}/run, where the name is percent-encoded", escapedPath)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	var body any
	answer, methods, err := s.route(r.URL.EscapedPath())
	if err == nil {
		err = s.accept(w, r, methods)
	}
	if err == nil {
		body, err = answer(r)
	}
	status := http.StatusOK
	if err != nil {
		known := asError(err)
		status, body = statuses[known.Code], errorBody{known}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // messages stay as they were sent
	if err := encoder.Encode(body); err != nil {
		s.logger.Error("an answer of the control socket could not be written; please report this as a bug of dumbprobe", zap.Error(err))
		text.Reset()
		text.WriteString(`{"error":{"code":"internal","message":"the answer could not be written"}}` + "\n")
		status = http.StatusInternalServerError
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTime))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // a client that is gone needs no answer
}

type errorBody struct {
	Error *Error `json:"error"`
}

func asError(err error) *Error {
	var known *Error
	if errors.As(err, &known) && statuses[known.Code] != 0 {
		return known
	}
	return &Error{CodeBadRequest, err.Error()}
}

// accept looks at what all requests have in common, and reads the body, which nobody needs.
func (s *Server) accept(w http.ResponseWriter, r *http.Request, methods []string) error {
	if !slices.Contains(methods, r.Method) {
		w.Header().Set("Allow", strings.Join(methods, ", "))
		return Errorf(CodeMethod, "%s is for %s, not %s", r.URL.Path, methods[0], r.Method)
	}
	deadlines := http.NewResponseController(w)
	_ = deadlines.SetReadDeadline(time.Now().Add(s.readTime))
	_, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return Errorf(CodeTooLarge, "the body has more than %d bytes; none is needed", maxBody)
	case err != nil:
		w.Header().Set("Connection", "close")
		return Errorf(CodeBadRequest, "the body cannot be read: %v", err)
	}
	// Reading goes on, to learn when the client goes away, and an answer may take its time.
	_ = deadlines.SetReadDeadline(time.Time{})
	return nil
}

func (s *Server) reload(r *http.Request) (any, error) {
	return s.daemon.Reload(r.Context())
}

func (s *Server) status(r *http.Request) (any, error) {
	filter, err := filterOf(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	select {
	case s.snapshots <- struct{}{}:
		defer func() { <-s.snapshots }()
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	return s.daemon.Status(filter), nil
}
