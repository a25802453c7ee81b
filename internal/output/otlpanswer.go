package output

import (
	"math"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// partialSuccess reads an ExportMetricsServiceResponse or ExportLogsServiceResponse, which have the same form: how much
// of the request was rejected, at most math.MaxInt32, and what the peer has to say, cut to maxQuoted. The types of the
// library would bring gRPC with them.
// https://github.com/open-telemetry/opentelemetry-proto/blob/v1.9.0/opentelemetry/proto/collector/metrics/v1/metrics_service.proto
func (a answer) partialSuccess() (rejected int, text string) {
	if !a.isProtobuf() {
		return 0, ""
	}
	_, partial := protoField(a.body, 1)
	n, _ := protoField(partial, 1)
	_, message := protoField(partial, 2)
	return int(min(n, math.MaxInt32)), a.quotable(message)
}

// withStatusText has the message of a google.rpc.Status for a body, where the body is one, and is a otherwise.
func (a answer) withStatusText() answer {
	if a.isProtobuf() && a.code/100 != 2 {
		_, message := protoField(a.body, 2)
		a.body = []byte(a.quotable(message))
	}
	return a
}

func (a answer) isProtobuf() bool {
	return strings.HasPrefix(a.header.Get("Content-Type"), "application/x-protobuf")
}

// protoField returns the last value of a field of a message in Protobuf's wire format: a number, or bytes. What is no
// message has none; a negative number is none.
func protoField(message []byte, field protowire.Number) (number uint64, text []byte) {
	for len(message) > 0 {
		num, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return 0, nil
		}
		message = message[n:]
		size := protowire.ConsumeFieldValue(num, kind, message)
		if size < 0 {
			return 0, nil
		}
		if num == field {
			switch kind {
			case protowire.VarintType:
				if number, _ = protowire.ConsumeVarint(message); number > math.MaxInt64 {
					number = 0
				}
			case protowire.BytesType:
				text, _ = protowire.ConsumeBytes(message)
			}
		}
		message = message[size:]
	}
	return number, text
}
