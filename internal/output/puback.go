package output

import (
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"
)

// jetStreamError is an error of the server's JetStream. Source of the numbers: server/errors.json of nats-server.
type jetStreamError struct {
	Code        int    `json:"code"` // as of HTTP
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

func (e *jetStreamError) Error() string {
	return fmt.Sprintf("%s (JetStream's error %d)", e.Description, e.ErrCode)
}

// Those of its numbers that mean something here.
const (
	jsMessageTooLarge  = 10054 // larger than the stream's max_msg_size
	jsStreamExists     = 10058 // with another configuration
	jsStreamNotFound   = 10059
	jsStreamMismatch   = 10060 // another stream than the one that Nats-Expected-Stream names
	jsStreamStore      = 10077 // the stream cannot store it: it is full, and discards what is new
	jsTooManyRequests  = 10167 // more than the stream has room for before it stores them
	jsAccountResources = 10002 // the account's limits
	jsNoResources      = 10023 // the server's
)

// pubAck is what a stream answers to a message.
type pubAck struct {
	Stream string          `json:"stream"`
	Error  *jetStreamError `json:"error"`
}

// readPubAck returns nil if a stream has stored the message that m answers to, or had it already. The error shows nothing
// of hide.
func readPubAck(m *nats.Msg, subject, stream string, hide *secrets) error {
	if noResponders(m) {
		return fmt.Errorf("no stream takes the subject %q: add it to one, or have one made (options stream and create); or JetStream is off at the server, or for this account", subject)
	}
	var ack pubAck
	if err := json.Unmarshal(m.Data, &ack); err != nil || ack.Error == nil && ack.Stream == "" {
		return fmt.Errorf("what answers to the subject %q is no stream; it said %.60q", subject, hide.quotable(m.Data))
	}
	if ack.Error == nil {
		return nil
	}
	ack.Error.Description = string(hide.quotable([]byte(ack.Error.Description)))
	switch ack.Error.ErrCode {
	case jsMessageTooLarge:
		return tooLarge("the stream's limit of a message (max_msg_size): %w", ack.Error)
	case jsStreamMismatch:
		return fmt.Errorf("the subject %q is taken by another stream than %s, which the option stream names: %w", subject, stream, ack.Error)
	case jsStreamStore:
		return fmt.Errorf("the stream takes nothing more until there is room, or its limits are raised: %w", ack.Error)
	case jsTooManyRequests, jsAccountResources, jsNoResources:
		return fmt.Errorf("the server or the account has no room for it at the moment: %w", ack.Error)
	}
	return fmt.Errorf("the stream refuses a message of the subject %q: %w", subject, ack.Error)
}

// noResponders says whether m is the server's word that nobody listens to the subject.
func noResponders(m *nats.Msg) bool {
	return len(m.Data) == 0 && m.Header.Get("Status") == "503"
}
