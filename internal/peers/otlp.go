package peers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// OTLP takes OpenTelemetry's metrics and log records over HTTP. It records the bodies of log records, as JSON, and
// notes all.
func OTLP(ctx context.Context, ln net.Listener, s Settings) error {
	return serveHTTP(ctx, ln, s, func(r *http.Request, body []byte) error {
		switch r.URL.Path {
		case "/v1/metrics":
			return noteMetrics(s, body)
		case "/v1/logs":
			records, err := noteLogs(s, body)
			if err != nil {
				return err
			}
			var texts []string
			for _, record := range records {
				texts = append(texts, JSONOfOTLP(record.Body))
			}
			return s.Record(linesOf(texts))
		}
		return errNoPath
	})
}

func noteMetrics(s Settings, body []byte) error {
	var data metricspb.MetricsData
	if err := proto.Unmarshal(body, &data); err != nil {
		return err
	}
	for _, r := range data.ResourceMetrics {
		s.note("resource " + compact(r.Resource))
		for _, scope := range r.ScopeMetrics {
			for _, metric := range scope.Metrics {
				s.note("metric " + compact(metric))
			}
		}
	}
	return nil
}

func noteLogs(s Settings, body []byte) ([]*logspb.LogRecord, error) {
	var data logspb.LogsData
	if err := proto.Unmarshal(body, &data); err != nil {
		return nil, err
	}
	for _, r := range data.ResourceLogs {
		s.note("resource " + compact(r.Resource))
	}
	records := OTLPRecords(&data)
	for _, record := range records {
		s.note("log " + compact(record))
	}
	return records, nil
}

// compact is JSON without the white space that protojson puts in at random.
func compact(m proto.Message) string {
	text, err := protojson.Marshal(m)
	var out bytes.Buffer
	if err == nil {
		err = json.Compact(&out, text)
	}
	if err != nil {
		return err.Error()
	}
	return out.String()
}

// OTLPRecords are all of a request to /v1/logs.
func OTLPRecords(data *logspb.LogsData) (records []*logspb.LogRecord) {
	for _, r := range data.ResourceLogs {
		for _, scope := range r.ScopeLogs {
			records = append(records, scope.LogRecords...)
		}
	}
	return records
}

// JSONOfOTLP is the JSON text that a value was made of. Doubles keep a point, as they are no integers.
func JSONOfOTLP(v *commonpb.AnyValue) string {
	var parts []string
	switch v := v.GetValue().(type) {
	case *commonpb.AnyValue_KvlistValue:
		for _, m := range v.KvlistValue.Values {
			parts = append(parts, jsonText(m.Key)+":"+JSONOfOTLP(m.Value))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case *commonpb.AnyValue_ArrayValue:
		for _, m := range v.ArrayValue.Values {
			parts = append(parts, JSONOfOTLP(m))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case *commonpb.AnyValue_StringValue:
		return jsonText(v.StringValue)
	case *commonpb.AnyValue_IntValue:
		return strconv.FormatInt(v.IntValue, 10)
	case *commonpb.AnyValue_DoubleValue:
		text := strconv.FormatFloat(v.DoubleValue, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") {
			text += ".0"
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
