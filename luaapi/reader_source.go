package luaapi

import (
	"context"
	"fmt"
	"reflect"

	"dumbprobe/internal/command"
	"dumbprobe/internal/reader"
)

// readerSource is all that a Go-side reader is opened with. Equal sources are the same: a reader of one can
// stand for a reader of the other.
type readerSource interface {
	// open starts the reader of o; ctx bounds its life.
	open(ctx context.Context, commands Commands, o *ownedReader) (reader.Reader, error)
}

func sameSource(a, b readerSource) bool { return a != nil && reflect.DeepEqual(a, b) }

// commandSource is a command whose lines are read.
type commandSource struct {
	Spec   command.Spec
	Limits reader.Options // without what is called, here and in the others
}

func (s commandSource) open(ctx context.Context, commands Commands, o *ownedReader) (reader.Reader, error) {
	return reader.OpenCommand(ctx, commands, s.Spec, o.options(s.Limits))
}

// fileSource is a file whose lines are read.
type fileSource struct {
	Spec   reader.FileSpec
	Limits reader.Options
}

func (s fileSource) open(ctx context.Context, _ Commands, o *ownedReader) (reader.Reader, error) {
	return reader.OpenFile(ctx, s.Spec, o.options(s.Limits))
}

// socketSource is a stream socket that is connected to, or a datagram socket that is listened on.
type socketSource struct {
	Spec   reader.SocketSpec
	Limits reader.Options
}

func (s socketSource) open(ctx context.Context, _ Commands, o *ownedReader) (reader.Reader, error) {
	if datagram := s.Spec.Network == "udp" || s.Spec.Network == "unixgram"; datagram != s.Spec.Listen {
		return nil, fmt.Errorf("%s:%s: streams (tcp, unix) are connected to, datagrams (udp, unixgram) are listened for, with listen = true",
			s.Spec.Network, s.Spec.Address)
	}
	return reader.OpenSocket(ctx, s.Spec, o.options(s.Limits))
}
