package peers

import (
	"crypto/rand"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tinylib/msgp/msgp"
)

// FluentGreeting is the server's side of HELO, PING and PONG, as Fluentd has it.
type FluentGreeting struct {
	Key   string            // that both share
	Users map[string]string // with their passwords; nil: none is asked for
	// Helo changes what is said at first, and Pong the answer to ping; where Pong returns nil, the connection just ends.
	Helo func(map[string]any)
	Pong func(ping []string, pong []any) []any
}

// Shake greets a client. An error says why it is not let in, which it was told, too.
func (g FluentGreeting) Shake(r *msgp.Reader, w io.Writer) error {
	const name = "server.example.net"
	nonce, auth := make([]byte, 16), []byte{}
	_, _ = rand.Read(nonce)
	if g.Users != nil {
		auth = []byte("pepper")
	}
	helo := map[string]any{"nonce": nonce, "auth": auth, "keepalive": true}
	if g.Helo != nil {
		g.Helo(helo)
		nonce = helo["nonce"].([]byte)
	}
	b, err := msgp.AppendIntf(nil, []any{"HELO", helo})
	if err != nil {
		return err
	}
	if _, err := w.Write(b); err != nil {
		return err
	}
	n, err := r.ReadArrayHeader()
	if err != nil || n != 6 {
		return fmt.Errorf("no PING: %d, %w", n, err)
	}
	var ping []string
	for range n {
		s, err := r.ReadString()
		if err != nil {
			return err
		}
		ping = append(ping, s)
	}
	host, salt, digest, user, password := ping[1], ping[2], ping[3], ping[4], ping[5]
	reason := ""
	if ping[0] != "PING" || digest != hexDigest(salt, host, string(nonce), g.Key) {
		reason = "shared_key mismatch"
	}
	if g.Users != nil && password != hexDigest(string(auth), user, g.Users[user]) {
		reason = "username/password mismatch"
	}
	pong := []any{"PONG", true, "", name, hexDigest(salt, name, string(nonce), g.Key)}
	if reason != "" {
		pong = []any{"PONG", false, reason, "", ""}
	}
	if g.Pong != nil {
		pong = g.Pong(ping, pong)
	}
	if pong == nil {
		return errors.New(reason)
	}
	if b, err = msgp.AppendIntf(nil, pong); err == nil {
		_, err = w.Write(b)
	}
	if err == nil && pong[1] != true {
		err = errors.New(reason)
	}
	return err
}

// hexDigest is the SHA-512 of all parts together.
func hexDigest(parts ...string) string {
	sum := sha512.Sum512([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}
