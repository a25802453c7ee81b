package output

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// tlsOptions are those of every kind that speaks TLS. There is none that leaves out the verification.
var tlsOptions = []option{
	{name: "ca", value: "PATH", doc: "PEM file of the authorities that the peer's certificate is verified by, instead of the system's"},
	{name: "cert", value: "PATH", doc: "PEM file of the certificate that is shown to the peer, with those between it and its authority; needs key"},
	{name: "key", value: "PATH", doc: "PEM file of the private key of cert"},
	{name: "server_name", value: "NAME", doc: "name or IP address that the peer's certificate must be for (the host of the address)"},
	{name: "min_version", value: "1.2|1.3", check: oneOf("1.2", "1.3"), doc: "oldest version of TLS that is accepted (1.2)"},
}

// tlsConfig makes the configuration of a client from tlsOptions. The peer is always verified. Files are read now,
// so that what is wrong is said at the start; call it again for each connection, so that a renewed
// certificate is used.
func tlsConfig(a Address) (*tls.Config, error) {
	c := &tls.Config{ServerName: a.option("server_name", withoutZone(a.Host)), MinVersion: tls.VersionTLS12}
	if a.option("min_version", "1.2") == "1.3" {
		c.MinVersion = tls.VersionTLS13
	}
	if path, ok := a.Options["ca"]; ok {
		pem, err := readSmallFile(path, maxAuthoritiesFile)
		if err != nil {
			return nil, fmt.Errorf("option ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("option ca: %s contains no certificate in PEM", path)
		}
	}
	cert, key := a.Options["cert"], a.Options["key"]
	switch {
	case cert == "" && key == "":
		return c, nil
	case key == "":
		return nil, errors.New("option cert needs the option key")
	case cert == "":
		return nil, errors.New("option key needs the option cert")
	}
	certPEM, err := readSmallFile(cert, maxSecretFile)
	if err != nil {
		return nil, fmt.Errorf("option cert: %w", err)
	}
	keyPEM, err := readSmallFile(key, maxSecretFile)
	if err != nil {
		return nil, fmt.Errorf("option key: %w", err)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("options cert and key: %w", err)
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}

// withoutZone takes the interface off an IPv6 address: a certificate names none.
func withoutZone(host string) string {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.WithZone("").String()
	}
	return host
}

// tlsLines writes lines, each with a newline, to a TLS connection whose peer is verified.
type tlsLines struct {
	address Address
	*lineConn
}

func newTLS(o opening) (Destination, error) {
	if _, err := tlsConfig(o.Address); err != nil {
		return nil, err
	}
	return &tlsLines{address: o.Address}, nil
}

// Connect implements Destination.
func (d *tlsLines) Connect(ctx context.Context) error {
	config, err := tlsConfig(d.address)
	if err != nil {
		return err
	}
	w, err := dialWire(ctx, d.address)
	if err != nil {
		return err
	}
	asked := false
	own := append(config.Certificates, tls.Certificate{}) // the empty one says that there is none
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked = true
		return &own[0], nil
	}
	config.DynamicRecordSizingDisabled = true // lines are acknowledged by records
	conn := tls.Client(w, config)
	ctx, cancel := context.WithTimeout(ctx, tcpDialTimeout)
	defer cancel()
	began := time.Now()
	if err := conn.HandshakeContext(ctx); err != nil {
		w.Close()
		return fmt.Errorf("TLS with %s: %w", d.address.hostPort(), err)
	}
	d.lineConn = newLineConn(w, conn)
	if asked && conn.ConnectionState().Version == tls.VersionTLS13 {
		return d.welcome(ctx, 2*time.Since(began))
	}
	return nil
}

// welcome waits for a peer that refuses our certificate: in TLS 1.3 it says so after the handshake, when its
// kernel would acknowledge lines already that it never reads.
func (d *tlsLines) welcome(ctx context.Context, roundTrip time.Duration) error {
	t := time.NewTimer(min(max(roundTrip, 200*time.Millisecond), 2*time.Second))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		d.close()
		return ctx.Err()
	case err := <-d.lost:
		d.close()
		return fmt.Errorf("TLS with %s: after our certificate was asked for: %w", d.address.hostPort(), err)
	}
}

// Send implements Destination.
func (d *tlsLines) Send(ctx context.Context, b Batch) (int, error) { return d.send(ctx, b.Lines) }

// Lost implements Watched.
func (d *tlsLines) Lost() <-chan error { return d.lost }

// Confirmed implements Confirmer.
func (d *tlsLines) Confirmed() uint64 { return d.confirm() }

// Close implements Destination.
func (d *tlsLines) Close() error { return d.close() }
