// Package peers has servers for what destinations send to, for the soak and the tests. A server acknowledges what it has
// recorded, and nothing else. No binary contains it.
package peers

import (
	"context"
	"crypto/tls"
	"net"
)

// Server serves on ln until ctx ends. Then it acknowledges what it has recorded, takes nothing more, and returns.
type Server func(ctx context.Context, ln net.Listener, s Settings) error

// Settings are those of any server.
type Settings struct {
	TLS *tls.Config // nil: it speaks in the clear
	// Secret is what a client must have: a bearer token, the shared key of Fluent, the password of the user User of
	// NATS. Who has another is refused. Empty: anybody may send.
	Secret string
	// Record gets what has come, a line for each message, with a newline after it. Several connections may call it at
	// once. An error of it ends the connection, or is what a request is answered with.
	Record func(lines []byte) error
	// Note gets what came around the messages: a line, without its newline, for each request, chunk or message. Nil: it
	// is not wanted.
	Note func(line string)
	// Store is the folder, and Stream the name, of the stream of NATS that is waited for and read, but for its first
	// messages, of which so many were Recorded before.
	Store, Stream string
	Recorded      uint64
}

// User is the one whose password Settings.Secret is.
const User = "ali"

func (s Settings) note(line string) {
	if s.Note != nil {
		s.Note(line)
	}
}
