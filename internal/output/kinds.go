package output

import (
	"cmp"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"
)

// kind is what there is to know about one kind of destination.
type kind struct {
	form  string                              // how its address is written
	doc   string                              // what it is, in a few words
	parse func(a *Address, rest string) error // rest is what follows "scheme:", without options
	tail  func(a Address) string              // the reverse of parse, without secrets

	options  []option // beside everyOption
	batch    batchLimit
	confirms confirmation

	// open connects nothing yet. An error is about the address: a file that cannot be read, options that do
	// not go together.
	open func(o opening) (Destination, error)
}

// batchLimit is the largest batch handed to a destination at once. One line longer than that makes a batch of
// its own. Zero values stand for defaultBatch.
type batchLimit struct {
	lines, bytes int
	// gather is how long lines are collected after a batch that was not full. A line that comes when nothing was
	// sent for so long goes at once; where lines come one after the other, they share writes.
	gather time.Duration
}

// A millisecond is nothing to who waits for a message, and makes a write of a hundred lines out of a hundred writes
// that each wake the sender: that was a quarter of the CPU time of many runs in a row.
var defaultBatch = batchLimit{lines: 512, bytes: 64 << 10, gather: time.Millisecond}

func (l batchLimit) withDefaults() batchLimit {
	return batchLimit{cmp.Or(l.lines, defaultBatch.lines), cmp.Or(l.bytes, defaultBatch.bytes), cmp.Or(l.gather, defaultBatch.gather)}
}

// confirmation says who has a line for sure when it counts as delivered.
type confirmation string

const (
	byNobody confirmation = ""       // it was sent, and may be lost on its way
	byKernel confirmation = "kernel" // the kernel of the peer's machine, where the peer reads it
	byPeer   confirmation = "peer"   // the peer itself, which has said so
)

// opening is what a destination may need.
type opening struct {
	Address  Address
	Name     string      // the destination's, for errors
	Stdout   io.Writer   // nil if there is none
	Logger   *zap.Logger // never nil; knows the destination's name
	Hostname string
	Version  string // of the program
}

// kinds is the register of all kinds, by the scheme of their addresses. It is never written to. (What parse and
// open call cannot ask it: Go would see a circle. They have the opening and the address.)
var kinds = map[string]kind{
	"http": {
		form: "http://HOST:PORT/PATH", doc: "a line of a POST request each, many to a request", options: httpOptions,
		batch: postBatch, confirms: byPeer, parse: parseURL, tail: tailURL, open: newHTTP,
	},
	"https": {
		form: "https://HOST:PORT/PATH", doc: "the same over TLS, to a peer whose certificate is verified", options: httpsOptions,
		batch: postBatch, confirms: byPeer, parse: parseURL, tail: tailURL, open: newHTTP,
	},
	"stdout": {
		form: "stdout", doc: "a line each, to standard output",
		confirms: byKernel, parse: parseNothing, tail: tailNothing, open: newStdout,
	},
	"file": {
		form: "file:PATH", doc: "a line each, appended; made for logrotate", options: fileOptions, confirms: byKernel,
		parse: parseFile, tail: tailPath, open: newFile,
	},
	"fluent": {
		form: "fluent:HOST:PORT", doc: "an event each in the Forward protocol of Fluentd and Fluent Bit",
		options: fluentOptions, batch: fluentBatch, confirms: byPeer,
		parse: parseHostPort, tail: tailHostPort, open: newFluent,
	},
	"fluent+tls": {
		form: "fluent+tls:HOST:PORT", doc: "the same over TLS, to a peer whose certificate is verified",
		options: slices.Concat(fluentOptions, tlsOptions), batch: fluentBatch, confirms: byPeer,
		parse: parseHostPort, tail: tailHostPort, open: newFluent,
	},
	"nats": {
		form: "nats:HOST:PORT", doc: "a message to a stream of NATS JetStream, acknowledged; one that comes twice is dropped there",
		options: natsOptions, batch: natsBatch, confirms: byPeer,
		parse: parseHostPort, tail: tailHostPort, open: newNATS,
	},
	"nats+tls": {
		form: "nats+tls:HOST:PORT", doc: "the same over TLS, to a server whose certificate is verified",
		options: natsTLSOptions, batch: natsBatch, confirms: byPeer,
		parse: parseHostPort, tail: tailHostPort, open: newNATS,
	},
	"otlp": {
		form: "otlp://HOST:PORT", doc: "metrics and log records over OTLP/HTTP, to OpenTelemetry's Collector and its like",
		options: otlpOptions, batch: postBatch, confirms: byPeer, parse: parseURL, tail: tailURL, open: newOTLP,
	},
	"otlp+tls": {
		form: "otlp+tls://HOST:PORT", doc: "the same over TLS, to a peer whose certificate is verified",
		options: slices.Concat(otlpOptions, tlsOptions), batch: postBatch, confirms: byPeer,
		parse: parseURL, tail: tailURL, open: newOTLP,
	},
	"tls": {
		form: "tls:HOST:PORT", doc: "a line each over TLS, to a peer whose certificate is verified",
		options: append(slices.Clone(tlsOptions), stallOption), confirms: byKernel,
		parse: parseHostPort, tail: tailHostPort, open: newTLS,
	},
	"tcp": {
		form: "tcp:HOST:PORT", doc: "a line each", options: []option{stallOption}, confirms: byKernel,
		parse: parseHostPort, tail: tailHostPort, open: newTCP,
	},
	"udp": {
		form: "udp:HOST:PORT", doc: "a datagram each",
		parse: parseHostPort, tail: tailHostPort, open: newUDP,
	},
	"unix": {
		form: "unix:PATH", doc: "a datagram each to a unix socket",
		confirms: byKernel, parse: parsePath, tail: tailPath, open: newUnix,
	},
}

// Forms lists how addresses of all kinds are written.
func Forms() string {
	var all []string
	for _, scheme := range Schemes() {
		all = append(all, kinds[scheme].form)
	}
	return strings.Join(all, ", ")
}

// Schemes returns the schemes of all kinds, sorted.
func Schemes() []string { return slices.Sorted(maps.Keys(kinds)) }

// Bare says whether nothing follows the scheme in an address of this kind.
func Bare(scheme string) bool { return kinds[scheme].form == scheme }
