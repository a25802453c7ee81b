package output

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// streamOptions are those of a stream that is to be made.
var streamOptions = []option{
	{name: "stream", value: "NAME", check: checkStream, doc: "the stream that must take the messages (whichever takes the subject)"},
	{name: "create", value: "yes|no", check: yesOrNo, doc: "whether stream is made if it is not there; one that is there is never changed (no)"},
	{name: "storage", value: "file|memory", check: oneOf("file", "memory"), doc: "where a stream that is made keeps messages (file)"},
	{name: "replicas", value: "N", check: wholeNumber(1, 5), doc: "how many servers of a cluster keep a stream that is made (1)"},
	{name: "max_age", value: "DURATION", check: timeBetween(time.Second, 100*365*24*time.Hour), doc: "for how long a stream that is made keeps messages (for ever)"},
	{name: "max_bytes", value: "N", check: wholeNumber(1<<10, 1<<50), doc: "how many bytes of messages a stream that is made keeps; the oldest make room (no limit)"},
	{name: "duplicates", value: "DURATION", check: timeBetween(100*time.Millisecond, 30*24*time.Hour), doc: "for how long a stream that is made knows a message that comes again (2m)"},
}

// streamConfig is what is said of a stream that is made. Source: the API of JetStream, subject STREAM.CREATE.
type streamConfig struct {
	Name       string        `json:"name"`
	Subjects   []string      `json:"subjects"`
	Retention  string        `json:"retention"`
	Discard    string        `json:"discard"`
	Storage    string        `json:"storage"`
	Replicas   int           `json:"num_replicas"`
	MaxAge     time.Duration `json:"max_age"`   // in nanoseconds; 0 is for ever
	MaxBytes   int           `json:"max_bytes"` // -1 is no limit
	Duplicates time.Duration `json:"duplicate_window,omitempty"`
}

// newStreamConfig reads the options. It returns nil if no stream is to be made.
func newStreamConfig(a Address, subjects string) (*streamConfig, error) {
	name := a.Options["stream"]
	if !a.yes("create") {
		for _, o := range streamOptions[2:] {
			if _, given := a.Options[o.name]; given {
				return nil, fmt.Errorf("option %s is about a stream that is made, and needs create=yes", o.name)
			}
		}
		return nil, nil
	}
	if name == "" {
		return nil, errors.New("option create needs the option stream, the name of the stream")
	}
	c := &streamConfig{
		Name: name, Subjects: []string{subjects}, Retention: "limits", Discard: "old",
		Storage: a.option("storage", "file"), Replicas: a.number("replicas", 1),
		MaxAge: a.duration("max_age", 0), MaxBytes: a.number("max_bytes", -1), Duplicates: a.duration("duplicates", 0),
	}
	if c.MaxAge > 0 && c.Duplicates > c.MaxAge {
		return nil, errors.New("option duplicates: the time is longer than that of max_age")
	}
	return c, nil
}

// checkStream is the check of the name of a stream. Source: naming of NATS, "Naming" in its documentation.
func checkStream(name string) error {
	if i := strings.IndexFunc(name, notInSubject); i >= 0 || strings.ContainsAny(name, `/\`) {
		return errors.New(`is no name of a stream: spaces and . * > / \ cannot be in it`)
	}
	if len(name) > 255 {
		return fmt.Errorf("has %d bytes; the name of a stream has at most 255", len(name))
	}
	return nil
}

// makeStream sees to it that there is the stream, whatever its configuration.
func (d *natsLines) makeStream(ctx context.Context) error {
	err := d.ask(ctx, "$JS.API.STREAM.INFO."+d.create.Name, nil)
	if failed := (*jetStreamError)(nil); errors.As(err, &failed) && failed.ErrCode == jsStreamNotFound {
		config, marshalErr := json.Marshal(d.create)
		if marshalErr != nil {
			return marshalErr
		}
		err = d.ask(ctx, "$JS.API.STREAM.CREATE."+d.create.Name, config)
		if errors.As(err, &failed) && failed.ErrCode == jsStreamExists {
			err = nil // another one was faster
		}
	}
	if err != nil {
		return fmt.Errorf("stream %s: %w", d.create.Name, err)
	}
	return nil
}

// askAgain is after what time without an answer a request to the API is made again. A cluster that has just lost a leader
// drops them in silence, and has another one soon.
const askAgain = 2 * time.Second

// ask sends a request to the API of JetStream, one that can be made twice. An error of it is a *jetStreamError.
func (d *natsLines) ask(ctx context.Context, subject string, request []byte) error {
	answer := d.asked
	d.asked++
	if err := d.conn.PublishRequest(subject, d.inboxOf(answer), request); err != nil {
		return err
	}
	limit := time.NewTimer(tcpDialTimeout)
	defer limit.Stop()
	again := time.NewTicker(askAgain)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			if err := d.conn.PublishRequest(subject, d.inboxOf(answer), request); err != nil {
				return err
			}
		case m := <-d.answers:
			if n, ok := d.answerOf(m); !ok || n != answer {
				continue
			}
			if noResponders(m) {
				return fmt.Errorf("nobody answers to %s: JetStream is off at the server, or for this account", subject)
			}
			var a pubAck
			if err := json.Unmarshal(m.Data, &a); err != nil {
				return fmt.Errorf("the answer to %s: %w", subject, err)
			}
			if a.Error != nil {
				return a.Error
			}
			return nil
		case err := <-d.lost:
			return err
		case <-limit.C:
			return fmt.Errorf("no answer to %s within %v: the cluster of the server has no leader, or JetStream is not ready", subject, tcpDialTimeout)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
