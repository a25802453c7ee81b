package output

import (
	"errors"
	"fmt"
	"io"

	"github.com/tinylib/msgp/msgp"
)

// maxFluentReply is the largest message that a server may send, in bytes: all that it has to say is HELO, PONG and
// acknowledgements.
const maxFluentReply = 4 << 10

// fluentReader reads what a server sends.
type fluentReader struct {
	r   io.Reader
	buf []byte // read, and not yet returned
}

// next returns the next object of MessagePack, which is good until the next call. The end of the stream before one is
// errPeerClosed.
func (r *fluentReader) next() ([]byte, error) {
	for {
		rest, err := msgp.Skip(r.buf)
		if err == nil {
			object := r.buf[:len(r.buf)-len(rest)]
			r.buf = rest
			return object, nil
		}
		if !errors.Is(err, msgp.ErrShortBytes) {
			return nil, fmt.Errorf("the peer does not speak the Forward protocol: %w", err)
		}
		if len(r.buf) >= maxFluentReply {
			return nil, fmt.Errorf("the peer does not speak the Forward protocol: it sends a message of more than %d bytes", maxFluentReply)
		}
		room := make([]byte, maxFluentReply)
		n := copy(room, r.buf)
		read, err := r.r.Read(room[n:])
		r.buf = room[:n+read]
		switch {
		case read > 0:
		case errors.Is(err, io.EOF) && n > 0:
			return nil, fmt.Errorf("%w in the middle of a message", errPeerClosed)
		case errors.Is(err, io.EOF):
			return nil, errPeerClosed
		case err != nil:
			return nil, err
		}
	}
}

// fluentHelo is the server's greeting.
type fluentHelo struct {
	nonce     []byte // for the digests of the shared key
	auth      []byte // for that of the password; empty if the server wants none
	keepalive bool   // the connection may live for more than one chunk
}

func (r *fluentReader) helo() (fluentHelo, error) {
	b, err := r.next()
	if err != nil {
		return fluentHelo{}, err
	}
	return parseFluentHelo(b)
}

// parseFluentHelo reads ["HELO", {"nonce": N, "auth": SALT, "keepalive": BOOL}].
func parseFluentHelo(b []byte) (h fluentHelo, err error) {
	defer func() { err = badReply("HELO", b, err) }()
	h.keepalive = true
	rest, err := replyHead(b, 2, "HELO")
	if err != nil {
		return h, err
	}
	members, rest, err := msgp.ReadMapHeaderBytes(rest)
	for ; err == nil && members > 0; members-- {
		var key []byte
		if key, rest, err = textOrBytes(rest); err != nil {
			break
		}
		switch string(key) {
		case "nonce":
			h.nonce, rest, err = textOrBytes(rest)
		case "auth":
			if msgp.NextType(rest) == msgp.NilType {
				rest, err = msgp.Skip(rest)
				break
			}
			h.auth, rest, err = textOrBytes(rest)
		case "keepalive":
			if msgp.NextType(rest) == msgp.NilType {
				rest, err = msgp.Skip(rest)
				break
			}
			h.keepalive, rest, err = msgp.ReadBoolBytes(rest)
		default:
			rest, err = msgp.Skip(rest)
		}
	}
	if err == nil && len(h.nonce) == 0 {
		err = errors.New("it has no nonce")
	}
	h.nonce, h.auth = []byte(string(h.nonce)), []byte(string(h.auth)) // b is read into again
	return h, err
}

// fluentPong is what the server says to PING.
type fluentPong struct {
	ok     bool
	reason string // why not
	host   string // of the server
	digest []byte // of the shared key, in hexadecimal digits
}

func (r *fluentReader) pong() (fluentPong, error) {
	b, err := r.next()
	if err != nil {
		return fluentPong{}, err
	}
	return parseFluentPong(b)
}

// parseFluentPong reads ["PONG", OK, REASON, HOST, DIGEST].
func parseFluentPong(b []byte) (p fluentPong, err error) {
	defer func() { err = badReply("PONG", b, err) }()
	rest, err := replyHead(b, 5, "PONG")
	if err != nil {
		return p, err
	}
	if p.ok, rest, err = msgp.ReadBoolBytes(rest); err != nil {
		return p, err
	}
	var texts [3][]byte
	for i := range texts {
		if texts[i], rest, err = textOrBytes(rest); err != nil {
			return p, err
		}
	}
	p.reason, p.host, p.digest = string(texts[0]), string(texts[1]), []byte(string(texts[2]))
	return p, nil
}

// ack waits for the next acknowledgement.
func (r *fluentReader) ack() (id string, err error) {
	b, err := r.next()
	if err != nil {
		return "", err
	}
	return parseFluentAck(b)
}

// parseFluentAck reads {"ack": ID}.
func parseFluentAck(b []byte) (id string, err error) {
	if _, err := replyHead(b, 2, "HELO"); err == nil {
		return "", errors.New("the peer wants to be shown a shared key, or a user and a password (options shared_key_file, user, password_file)")
	}
	defer func() { err = badReply("acknowledgement", b, err) }()
	members, rest, err := msgp.ReadMapHeaderBytes(b)
	found := false
	for ; err == nil && members > 0; members-- {
		var key, value []byte
		if key, rest, err = textOrBytes(rest); err != nil {
			break
		}
		if string(key) != "ack" {
			rest, err = msgp.Skip(rest)
			continue
		}
		value, rest, err = textOrBytes(rest)
		id, found = string(value), true
	}
	if err == nil && !found {
		err = errors.New("it names no chunk")
	}
	return id, err
}

// replyHead reads the header of an array of so many, whose first is the name.
func replyHead(b []byte, size uint32, name string) (rest []byte, err error) {
	n, rest, err := msgp.ReadArrayHeaderBytes(b)
	if err != nil {
		return nil, err
	}
	head := []byte(nil)
	if n == size {
		head, rest, err = textOrBytes(rest)
	}
	if err == nil && string(head) != name {
		err = fmt.Errorf("it is no list of %d that begins with %q", size, name)
	}
	return rest, err
}

// textOrBytes reads either of the two: servers are free to send both.
func textOrBytes(b []byte) (text, rest []byte, err error) {
	if msgp.NextType(b) == msgp.BinType {
		return msgp.ReadBytesZC(b)
	}
	return msgp.ReadStringZC(b)
}

// badReply says what came in the place of what was expected.
func badReply(what string, b []byte, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("the peer sent no %s, but %d bytes that begin with % x: %w", what, len(b), b[:min(len(b), 16)], err)
}
