package control

import (
	"context"
	"encoding/json"
	"fmt"
)

// Daemon answers what is asked over the socket. Its methods are called at the same time.
type Daemon interface {
	// Reload has the scripts loaded again and waits for the end of that, or of ctx. The error, an *Error,
	// says that there was no reload; what is wrong with scripts is in the result.
	Reload(ctx context.Context) (*ReloadResult, error)

	// Status describes the daemon, as far as the filter wants it.
	Status(Filter) *Status

	// RunCheck runs a check now, and waits for its end, or that of ctx. The error, an *Error, says that it
	// was not run.
	RunCheck(ctx context.Context, name string) (*CheckRun, error)
}

// ReloadResult is what came of a reload.
type ReloadResult struct {
	OK      bool          `json:"ok"` // everything was applied
	Started float64       `json:"started"`
	Seconds float64       `json:"seconds"`
	Scripts int           `json:"scripts"` // that run now
	Checks  int           `json:"checks"`  // that run now, handles included
	Errors  []ReloadError `json:"errors"`
}

// ReloadError is one thing that is wrong with a script. Its old version, if there was one, goes on.
type ReloadError struct {
	Script string `json:"script,omitzero"`
	Text   string `json:"text"` // begins with the file, and the line where it is known: "a.lua:2: ..."
}

// CheckRun is what came of a run that was asked for.
type CheckRun struct {
	Check    string            `json:"check"`
	Outcome  string            `json:"outcome"`        // ok, error, timeout, ...: see docs/checks.md
	Error    string            `json:"error,omitzero"` // where the outcome is not ok
	Trace    string            `json:"traceback,omitzero"`
	Started  float64           `json:"started"` // unix time
	Seconds  float64           `json:"seconds"`
	Messages []json.RawMessage `json:"messages"` // sent to the destinations
}

// OK tells whether the run went well.
func (r *CheckRun) OK() bool { return r.Outcome == "ok" }

// Code says what kind an [Error] is. Programs rely on it.
type Code string

// The codes.
const (
	CodeBadRequest   Code = "bad_request"
	CodeNotFound     Code = "not_found"     // no such path
	CodeMethod       Code = "bad_method"    //
	CodeTooLarge     Code = "too_large"     // the request's body
	CodeUnknownCheck Code = "unknown_check" //
	CodeNotACheck    Code = "not_a_check"   // a handle, or an object that schedules itself
	CodeBusy         Code = "busy"          // the check's own run did not end in time
	CodeQuarantined  Code = "quarantined"   // the check is kept from running
	CodeStopping     Code = "stopping"      // the daemon is
	CodeStarting     Code = "starting"      // the daemon is
	CodeStuck        Code = "stuck"         // the run did not end in time
)

// statuses are the codes' HTTP statuses.
var statuses = map[Code]int{
	CodeBadRequest: 400, CodeNotFound: 404, CodeMethod: 405, CodeTooLarge: 413,
	CodeUnknownCheck: 404, CodeNotACheck: 409, CodeBusy: 409, CodeQuarantined: 409,
	CodeStopping: 503, CodeStarting: 503, CodeStuck: 504,
}

// Error is why something that was asked was not done. Over the wire it is {"error": {"code", "message"}}.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string { return e.Message }

// Errorf makes an Error.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{code, fmt.Sprintf(format, args...)}
}
