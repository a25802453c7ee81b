package output

import (
	"net"
	"testing"

	"github.com/tinylib/msgp/msgp"
)

// BenchmarkDeliverFluent is a message from Send to its acknowledgement by a server that looks at no record.
func BenchmarkDeliverFluent(b *testing.B) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				acknowledgeAll(c)
			}()
		}
	}()
	benchmarkAcknowledged(b, "fluent:"+ln.Addr().String(), fluentBenchLine)
}

// acknowledgeAll acknowledges each chunk of c, until it ends.
func acknowledgeAll(c net.Conn) {
	for r := msgp.NewReader(c); ; {
		if _, err := r.ReadArrayHeader(); err != nil || r.Skip() != nil || r.Skip() != nil {
			return
		}
		options := map[string]any{}
		if r.ReadMapStrIntf(options) != nil {
			return
		}
		id, _ := options["chunk"].(string)
		if _, err := c.Write(msgp.AppendString(msgp.AppendString(msgp.AppendMapHeader(nil, 1), "ack"), id)); err != nil {
			return
		}
	}
}
