package output

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/proto"
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
			lines = append(lines, jsonOfOTLP(record.Body))
		}
		return lines
	}
	return p
}

func otlpRecords(t *testing.T, body []byte) (records []*logspb.LogRecord) {
	var data logspb.LogsData
	if err := proto.Unmarshal(body, &data); err != nil {
		t.Error(err)
	}
	for _, r := range data.ResourceLogs {
		for _, s := range r.ScopeLogs {
			records = append(records, s.LogRecords...)
		}
	}
	return records
}

// jsonOfOTLP is the reverse of otlpValue.
func jsonOfOTLP(v *commonpb.AnyValue) string {
	var parts []string
	switch v := v.GetValue().(type) {
	case *commonpb.AnyValue_KvlistValue:
		for _, m := range v.KvlistValue.Values {
			parts = append(parts, jsonText(m.Key)+":"+jsonOfOTLP(m.Value))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case *commonpb.AnyValue_ArrayValue:
		for _, m := range v.ArrayValue.Values {
			parts = append(parts, jsonOfOTLP(m))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case *commonpb.AnyValue_StringValue:
		return jsonText(v.StringValue)
	case *commonpb.AnyValue_IntValue:
		return strconv.FormatInt(v.IntValue, 10)
	case *commonpb.AnyValue_DoubleValue:
		text := strconv.FormatFloat(v.DoubleValue, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") {
			text += ".0" // it is no integer
		}
		return text
	case *commonpb.AnyValue_BoolValue:
		return fmt.Sprint(v.BoolValue)
	}
	return "null"
}

func jsonText(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s)
	return strings.TrimSuffix(b.String(), "\n")
}
