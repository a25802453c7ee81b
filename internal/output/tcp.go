package output

import "context"

// tcp writes lines, each with a newline, to a TCP connection.
type tcp struct {
	address Address
	*lineConn
}

func newTCP(o opening) (Destination, error) { return &tcp{address: o.Address}, nil }

// Connect implements Destination.
func (d *tcp) Connect(ctx context.Context) error {
	w, err := dialWire(ctx, d.address)
	if err != nil {
		return err
	}
	d.lineConn = newLineConn(w, nil)
	return nil
}

// Send implements Destination.
func (d *tcp) Send(ctx context.Context, b Batch) (int, error) { return d.send(ctx, b.Lines) }

// Lost implements Watched.
func (d *tcp) Lost() <-chan error { return d.lost }

// Confirmed implements Confirmer.
func (d *tcp) Confirmed() uint64 { return d.confirm() }

// Close implements Destination.
func (d *tcp) Close() error { return d.close() }
