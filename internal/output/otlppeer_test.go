package output

import (
	"net/http"
	"testing"

	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/proto"

	"dumbprobe/internal/peers"
)

// newOTLPServer takes any metrics, and has the bodies of log records in its inbox, as JSON.
func newOTLPServer(t *testing.T) *httpServer { return asOTLP(t, newHTTPServer(t), "otlp") }

func newOTLPTLSServer(t *testing.T) *httpServer { return asOTLP(t, newHTTPSServer(t), "otlp+tls") }

func asOTLP(t *testing.T, p *httpServer, scheme string) *httpServer {
	p.scheme, p.path = scheme, ""
	p.lines = func(r *http.Request, body []byte) (lines []string) {
		if r.URL.Path != "/v1/logs" {
			return nil
		}
		for _, record := range otlpRecords(t, body) {
			lines = append(lines, peers.JSONOfOTLP(record.Body))
		}
		return lines
	}
	return p
}

func otlpRecords(t *testing.T, body []byte) []*logspb.LogRecord {
	var data logspb.LogsData
	if err := proto.Unmarshal(body, &data); err != nil {
		t.Error(err)
	}
	return peers.OTLPRecords(&data)
}
