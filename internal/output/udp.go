package output

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// maxDatagram is what a UDP datagram over IPv4 carries: 65535 less the headers of IP and UDP, in bytes.
	maxDatagram = 65507
	// udpAnswer is how long a refusal is waited for where one is likely: a round trip, amply.
	udpAnswer = 100 * time.Millisecond
	udpStall  = 10 * time.Second
)

// udp sends each line as one datagram.
//
// UDP promises nothing, but a host whose port nobody listens on says so (ICMP, seen as ECONNREFUSED at the
// next call on the connected socket). So the first datagram on a new socket waits briefly for a refusal,
// and while it is refused the lines stay in the spool. Later, a refusal is of a datagram sent before: that
// one is lost and counted, and the present one is tried again once, in the same way as a first one.
type udp struct {
	addr     string
	conn     net.Conn
	unproven bool // the next datagram waits for a refusal
	refused  atomic.Uint64
}

func newUDP(o opening) (Destination, error) { return &udp{addr: o.Address.hostPort()}, nil }

// Connect implements Destination. It resolves the host's name, and says nothing about the peer.
func (d *udp) Connect(ctx context.Context) (err error) {
	dialer := net.Dialer{Timeout: tcpDialTimeout}
	d.conn, err = dialer.DialContext(ctx, "udp", d.addr)
	d.unproven = true
	return err
}

// Send implements Destination.
func (d *udp) Send(ctx context.Context, b Batch) (int, error) {
	arm, stop := interruptible(ctx, d.conn, udpStall)
	defer stop()
	for i, line := range b.Lines {
		if err := arm(); err != nil {
			return i, err
		}
		if err := d.datagram(line); err != nil {
			return i, err
		}
	}
	return len(b.Lines), nil
}

func (d *udp) datagram(line []byte) error {
	if len(line) > maxDatagram {
		return tooLarge("%d bytes, and a UDP datagram carries at most %d", len(line), maxDatagram)
	}
	_, err := d.conn.Write(line)
	if errors.Is(err, syscall.ECONNREFUSED) {
		if !d.unproven {
			d.refused.Add(1)
		}
		d.unproven = true
		_, err = d.conn.Write(line)
	}
	if err == nil && d.unproven {
		err = d.answer()
	}
	if errors.Is(err, syscall.EMSGSIZE) {
		return tooLarge("%d bytes are more than a datagram to %s carries", len(line), d.addr)
	}
	if err == nil {
		d.unproven = false
	}
	return err
}

// answer waits for a refusal of what was just sent. Silence, or anything the peer says, means it is there.
func (d *udp) answer() error {
	if err := d.conn.SetReadDeadline(time.Now().Add(udpAnswer)); err != nil {
		return err
	}
	var b [1]byte
	if _, err := d.conn.Read(b[:]); errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return nil
}

// Account implements Accounter.
func (d *udp) Account() Account { return Account{Refused: d.refused.Load()} }

// Close implements Destination.
func (d *udp) Close() error { return d.conn.Close() }
