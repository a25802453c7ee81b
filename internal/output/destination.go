package output

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Destination takes lines, over a connection that may be lost and made again. All its methods are called
// from one goroutine, in this order, for as long as the sender lives:
//
//	Connect, if that went well: Send..., Close, then (after a back-off) Connect again
//
// What it can do beyond that is said by the interfaces Watched, Confirmer and Accounter.
type Destination interface {
	// Connect opens the connection. When it returns an error, nothing is open. It returns soon after ctx ends.
	Connect(ctx context.Context) error

	// Send hands over the lines of b, in order, and returns how many of them, from the first, were taken. The
	// lines are not changed and not kept after the return. It returns soon after ctx ends. A kind whose peer
	// confirms (byPeer) returns when the peer has confirmed them; what it did not confirm is sent again.
	//
	// Errors, each of which may be wrapped:
	//   - a *DropError concerns lines from b.Lines[sent] on that can never be sent; the caller drops them and
	//     goes on, on the same connection
	//   - ErrBusy: the peer took nothing for a while but is still there; the caller tries again on the same
	//     connection
	//   - a *RetryAfterError: the caller closes, and connects and tries again when that time is over
	//   - any other: the connection is of no use
	//
	// One that also wraps ErrUnsent says that nothing of b.Lines[sent:] can have reached the peer, so that
	// sending it the next time is not sending it again.
	Send(ctx context.Context, b Batch) (sent int, err error)

	// Close ends the connection that Connect opened, within half a second.
	Close() error
}

// Watched is a Destination that notices while idle that its peer has gone.
type Watched interface {
	// Lost receives once when the present connection is lost. Called after each Connect.
	Lost() <-chan error
}

// Confirmer is a Destination whose Send returns before the lines are acknowledged. Its Send gives no DropError and
// no ErrBusy.
type Confirmer interface {
	// Confirmed is how many of the lines that Send took on this connection, from the first, are acknowledged. It is
	// called after Connect, and once more after Close.
	Confirmed() uint64
}

// Reopener is a Destination that can open anew what it writes to, as a log file that was rotated.
type Reopener interface {
	// Reopen is called between two Sends. After an error, Close follows.
	Reopen(ctx context.Context) error
}

// Accounter is a Destination that learns after Send what became of the lines.
type Accounter interface {
	// Account may be called at any time, from any goroutine.
	Account() Account
}

// Account counts what became of lines after they were sent, since the start.
type Account struct {
	Refused uint64 // of those sent, how many the peer's host sent back as refused (UDP)
}

// ErrBusy means that a peer is there but takes nothing at the moment.
var ErrBusy = errors.New("the peer takes nothing")

// ErrGone means that the peer will not come back while this process lives. What waits for it is kept for as
// long as the daemon runs, but a Flush does not wait for it.
var ErrGone = errors.New("it will not come back")

// ErrUnsent means that nothing of what was to be sent can have reached the peer.
var ErrUnsent = errors.New("nothing was sent")

// unsent adds ErrUnsent to err, and gone ErrGone, without changing what it says.
func unsent(err error) error { return markedError{err, ErrUnsent} }
func gone(err error) error   { return markedError{err, ErrGone} }

type markedError struct {
	error
	mark error
}

func (e markedError) Unwrap() []error { return []error{e.error, e.mark} }

// RetryAfterError is an error of Connect or Send whose peer says when to come back. The sender then waits that
// long instead of its back-off, at most ten minutes.
type RetryAfterError struct {
	After time.Duration // 0 or less stands for the usual back-off
	Err   error
}

func (e *RetryAfterError) Error() string {
	return fmt.Sprintf("%v (to be tried again after %v)", e.Err, e.After.Round(time.Millisecond))
}

func (e *RetryAfterError) Unwrap() error { return e.Err }

// The reasons for which lines are dropped.
const (
	DropSpoolFull = "spool_full" // pushed out by newer ones, or larger than the whole spool
	DropTooLarge  = "too_large"  // larger than the destination can ever take
	DropDamaged   = "damaged"    // could not be read back from the spool on disk
	DropUnwritten = "unwritten"  // waited in memory, for a disk that takes nothing, until there was no more room
	DropShutdown  = "shutdown"   // still waiting in memory when the daemon ended
	DropRefused   = "refused"    // the peer will never take them, as it says (HTTP 400)
)

// DropError says that a run of lines can never be sent. The connection is still good.
type DropError struct {
	Reason string // one of the Drop constants
	Lines  int    // how many; 0 stands for 1
	Err    error
}

func (e *DropError) Error() string {
	if e.Lines > 1 {
		return fmt.Sprintf("%d lines dropped: %v", e.Lines, e.Err)
	}
	return fmt.Sprintf("line dropped: %v", e.Err)
}

// tooLarge is the DropError of a single line.
func tooLarge(format string, args ...any) error {
	return &DropError{Reason: DropTooLarge, Err: fmt.Errorf(format, args...)}
}

func (e *DropError) Unwrap() error { return e.Err }
