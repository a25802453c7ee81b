package reader

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// SocketSpec says which socket to read.
type SocketSpec struct {
	// Network and Listen: "tcp", "tcp4", "tcp6", "unix" without Listen connect, and read lines.
	// "udp", "udp4", "udp6", "unixgram" with Listen bind, and each datagram is a record.
	Network string
	Address string // "host:port", the path of a unix socket, or "@name" of an abstract one
	Listen  bool
	// ConnectTimeout is for the name lookup and the connection together; 10 s.
	ConnectTimeout time.Duration
}

const (
	defaultConnectTimeout = 10 * time.Second
	socketMode            = 0o600 // of the file of a unix socket: who may write to it
)

// OpenSocket connects or binds, and reads. ctx bounds the life of the Reader, not only the connecting. Errors
// are those of net, with a hint where one helps. End: the read error of a connection that broke; the peer
// closing it is an end without fault.
func OpenSocket(ctx context.Context, spec SocketSpec, o Options) (Reader, error) {
	b := newBase(ctx, o)
	read, err := b.openSocket(spec)
	if err != nil {
		b.cancel(nil)
		return nil, err
	}
	b.run(read)
	return b, nil
}

func (b *base) openSocket(spec SocketSpec) (read func() error, err error) {
	switch spec.Network {
	case "tcp", "tcp4", "tcp6", "unix":
		if !spec.Listen {
			return b.connect(spec)
		}
	case "udp", "udp4", "udp6", "unixgram":
		if spec.Listen {
			return b.bind(spec)
		}
	default:
		return nil, fmt.Errorf("socket: unknown network %q: use tcp or unix to connect, udp or unixgram to listen", spec.Network)
	}
	if spec.Listen {
		return nil, fmt.Errorf("socket: %s cannot listen: it connects; use udp or unixgram to listen", spec.Network)
	}
	return nil, fmt.Errorf("socket: %s can only listen; use tcp or unix to connect", spec.Network)
}

func (b *base) connect(spec SocketSpec) (func() error, error) {
	timeout := spec.ConnectTimeout
	if timeout <= 0 {
		timeout = defaultConnectTimeout
	}
	dialer := net.Dialer{Timeout: timeout}
	conn, err := dialer.DialContext(b.ctx, spec.Network, spec.Address)
	if err != nil {
		return nil, fmt.Errorf("socket: %w%s", err, connectHint(err))
	}
	b.addr = conn.LocalAddr().String()
	return func() error {
		defer conn.Close()
		defer context.AfterFunc(b.ctx, func() { conn.SetReadDeadline(longAgo) })()
		lines := framer{max: b.options.MaxLine}
		if err := readLines(conn, &lines, chunk, b.put); err != nil {
			return err // half a line of a connection that broke is no record
		}
		b.putLast(&lines)
		return nil
	}, nil
}

func (b *base) bind(spec SocketSpec) (func() error, error) {
	path := ""
	if spec.Network == "unixgram" && !strings.HasPrefix(spec.Address, "@") {
		path = spec.Address
		if err := removeStale(path); err != nil {
			return nil, err
		}
	}
	config := net.ListenConfig{}
	if path != "" {
		config.Control = func(_, _ string, raw syscall.RawConn) (err error) {
			// Linux gives the file the mode of the socket at bind, so there is no moment at which others
			// may write to it; chmod afterwards would leave one, umask would be the whole daemon's.
			controlErr := raw.Control(func(fd uintptr) { err = syscall.Fchmod(int(fd), socketMode) })
			return errors.Join(controlErr, err)
		}
	}
	conn, err := config.ListenPacket(b.ctx, spec.Network, spec.Address)
	if err != nil {
		return nil, fmt.Errorf("socket: %w%s", err, bindHint(err))
	}
	b.addr = conn.LocalAddr().String()
	remove := func() {}
	if path != "" {
		if ours, err := os.Lstat(path); err == nil {
			remove = func() {
				if now, err := os.Lstat(path); err == nil && os.SameFile(ours, now) {
					os.Remove(path) // unless another one has taken the name since
				}
			}
		}
	}
	return func() error {
		defer remove()
		defer conn.Close()
		defer context.AfterFunc(b.ctx, func() { conn.SetReadDeadline(longAgo) })()
		return b.readDatagrams(conn)
	}, nil
}

func (b *base) readDatagrams(conn net.PacketConn) error {
	buf := make([]byte, b.options.MaxLine+1) // one more, to see what is too long
	for {
		n, _, err := conn.ReadFrom(buf)
		if err != nil {
			return err
		}
		rec := Record{Truncated: n > b.options.MaxLine}
		text := buf[:n]
		if rec.Truncated {
			text = cutRune(text[:b.options.MaxLine])
		}
		rec.Text = string(text)
		if !b.put([]Record{rec}) {
			return errStopped
		}
	}
}

// removeStale removes the file of a unix socket on which nothing listens any more.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("socket: %s is there and is not a socket: remove it, or choose another path: %w", path, fs.ErrExist)
	}
	conn, err := net.Dial("unixgram", path)
	if err == nil {
		conn.Close()
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("socket: %s may be in use (%v): does another daemon listen on it? %w", path, orAccepts(err), syscall.EADDRINUSE)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("socket: cannot remove the file that an ended daemon left: %w", err)
	}
	return nil
}

func orAccepts(err error) error {
	if err == nil {
		return errors.New("it accepts datagrams")
	}
	return err
}

func connectHint(err error) string {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return ": nothing listens there: does the service run?"
	case errors.Is(err, syscall.EPROTOTYPE):
		return ": the socket there is for datagrams"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT):
		return ": no answer in time: is it a firewall, is the address right?"
	}
	return ""
}

func bindHint(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return ": another process listens there, maybe another handle"
	case errors.Is(err, syscall.EACCES):
		return ": ports below 1024 need CAP_NET_BIND_SERVICE; a socket file needs a folder that may be written"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return ": this machine does not have that address"
	}
	return ""
}
