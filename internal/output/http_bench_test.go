package output

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// BenchmarkDeliverHTTP is a message from Send to its acknowledgement by a server that looks at no line.
func BenchmarkDeliverHTTP(b *testing.B) { benchmarkPosts(b, "http") }

// BenchmarkDeliverOTLP is the same over OTLP/HTTP: the message has a state and a value, so it is in two requests.
func BenchmarkDeliverOTLP(b *testing.B) { benchmarkPosts(b, "otlp") }

func benchmarkPosts(b *testing.B, scheme string) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	defer s.Close()
	for _, gzip := range []string{"no", "yes"} {
		b.Run("gzip="+gzip, func(b *testing.B) {
			benchmarkAcknowledged(b, strings.Replace(s.URL, "http", scheme, 1)+"?gzip="+gzip, fluentBenchLine)
		})
	}
}
