package output

import (
	"bytes"
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/tinylib/msgp/msgp"
)

// fluentLogin is what is proved to a server, and by it, with HELO, PING and PONG.
type fluentLogin struct {
	host           string // what we call ourselves: not what a server on this host calls itself
	key            string // that both share; may be empty
	user, password string // may be empty
}

// secrets are what a server has, too, and may say; it is sent none of them.
func (l *fluentLogin) secrets() *secrets { return newSecrets(l.key, l.password) }

// shakeHands answers the server's HELO and checks its PONG. short is that it will close after one chunk.
func (l *fluentLogin) shakeHands(in *fluentReader, out io.Writer) (short bool, err error) {
	helo, err := in.helo()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return false, fmt.Errorf("no HELO came, so the peer may have no shared key (then leave shared_key_file and user out): %w", err)
	}
	if err != nil {
		return false, fmt.Errorf("waiting for HELO: %w", err)
	}
	salt := rand.Text()
	if _, err := out.Write(l.ping(helo, salt)); err != nil {
		return false, fmt.Errorf("sending PING: %w", err)
	}
	pong, err := in.pong()
	if errors.Is(err, errPeerClosed) {
		return false, fmt.Errorf("%w instead of answering PING, as some do where the shared key is another", err)
	}
	if err != nil {
		return false, fmt.Errorf("waiting for PONG: %w", err)
	}
	return !helo.keepalive, l.check(pong, helo, salt)
}

// ping is the message PING: the name of the client, its salt, the digest of the key; user, and the digest of the
// password where the server wants one.
func (l *fluentLogin) ping(h fluentHelo, salt string) []byte {
	user, password := "", ""
	if len(h.auth) > 0 && l.user != "" {
		user, password = l.user, hexDigest(string(h.auth), l.user, l.password)
	}
	b := msgp.AppendArrayHeader(nil, 6)
	for _, text := range []string{"PING", l.host, salt, hexDigest(salt, l.host, string(h.nonce), l.key), user, password} {
		b = msgp.AppendString(b, text)
	}
	return b
}

// check says why the server is not to be trusted, or does not trust us.
func (l *fluentLogin) check(p fluentPong, h fluentHelo, salt string) error {
	want := hexDigest(salt, p.host, string(h.nonce), l.key)
	switch {
	case !p.ok:
		return fmt.Errorf("the peer does not let us in: %q", p.reason)
	case p.host == l.host:
		// Our own digest, sent back, would prove nothing.
		return fmt.Errorf("the peer calls itself %q, as this client does", p.host)
	case subtle.ConstantTimeCompare([]byte(want), bytes.ToLower(p.digest)) != 1:
		return errors.New("the peer does not prove that it has the shared key: it has another one, or is an impostor")
	}
	return nil
}

// hexDigest is the SHA-512 of all parts together.
func hexDigest(parts ...string) string {
	sum := sha512.Sum512([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}
