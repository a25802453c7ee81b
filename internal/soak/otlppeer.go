package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/proto"
)

func otlpAddress(_ *target, at string) (string, error) {
	return "otlp://" + at + "?" + httpSoakOptions, nil
}

// readRecords makes lines of JSON of the bodies of log records. The soak's messages are no ones of the schema, so there
// are no metrics.
func readRecords(r *http.Request) ([]byte, error) {
	body, err := readPost(r)
	if err != nil {
		return nil, err
	}
	if r.URL.Path != "/v1/logs" {
		return nil, fmt.Errorf("a request to %s", r.URL.Path)
	}
	var data logspb.LogsData
	if err := proto.Unmarshal(body, &data); err != nil {
		return nil, err
	}
	var lines bytes.Buffer
	e := json.NewEncoder(&lines)
	for _, resource := range data.ResourceLogs {
		for _, scope := range resource.ScopeLogs {
			for _, record := range scope.LogRecords {
				if err := e.Encode(flat(record.Body)); err != nil {
					return nil, err
				}
			}
		}
	}
	return lines.Bytes(), nil
}

// flat is an object of numbers and strings.
func flat(v *commonpb.AnyValue) map[string]any {
	o := map[string]any{}
	for _, m := range v.GetKvlistValue().GetValues() {
		switch value := m.Value.GetValue().(type) {
		case *commonpb.AnyValue_IntValue:
			o[m.Key] = value.IntValue
		case *commonpb.AnyValue_StringValue:
			o[m.Key] = value.StringValue
		}
	}
	return o
}
