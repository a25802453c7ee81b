package output

import (
	"context"
	"errors"
	"fmt"
)

// A Destination takes lines, over a connection that may be lost and made again. All its methods are called
// from one goroutine, in this order, for as long as the sender lives:
//
//	Connect, if that went well: Send..., Close, then (after a back-off) Connect again
//
// What it can do beyond that is said by the interfaces Watched and Accounter.
type Destination interface {
	// Connect opens the connection. When it returns an error, nothing is open. It returns soon after ctx ends.
	Connect(ctx context.Context) error

	// Send hands over lines, in order, and returns how many of them, from the first, were taken. The lines
	// are not changed and not kept after the return. It returns soon after ctx ends.
	//
	// Errors: a *DropError concerns lines[sent], which can never be sent; the caller drops it and goes on.
	// An error that wraps ErrBusy means that the peer took nothing for a while but is still there; the
	// caller tries again on the same connection. After any other error the connection is of no use.
	Send(ctx context.Context, lines [][]byte) (sent int, err error)

	// Close ends the connection that Connect opened, within half a second.
	Close() error
}

// Watched is a Destination that notices while idle that its peer has gone.
type Watched interface {
	// Lost receives once when the present connection is lost. Called after each Connect.
	Lost() <-chan error
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

// The reasons for which lines are dropped.
const (
	DropSpoolFull = "spool_full" // pushed out by newer ones, or larger than the whole spool
	DropTooLarge  = "too_large"  // larger than the destination can ever take
	DropShutdown  = "shutdown"   // still waiting in memory when the daemon ended
)

// DropError says that one line can never be sent. The connection is still good.
type DropError struct {
	Reason string // one of the Drop constants
	Err    error
}

func (e *DropError) Error() string { return fmt.Sprintf("line dropped: %v", e.Err) }

func (e *DropError) Unwrap() error { return e.Err }
