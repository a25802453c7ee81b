package output

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"dumbprobe/internal/peers"
)

// TestOTLPMapping holds the lines of each testdata/otlp/*.ndjson against what is beside them: the requests that they
// become, in the JSON of Protobuf.
func TestOTLPMapping(t *testing.T) {
	files, err := filepath.Glob("testdata/otlp/*.ndjson")
	must(t, err)
	if len(files) < 5 {
		t.Fatalf("only %d files", len(files))
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			must(t, err)
			e := newOTLPEncoder("v1.2.3", "probe.example.net", strings.HasPrefix(filepath.Base(file), "only_logs"))
			e.now = func() time.Time { return time.Unix(1700000000, 0) }
			var lines [][]byte
			for line := range strings.Lines(string(text)) {
				lines = append(lines, []byte(strings.TrimSuffix(line, "\n")))
			}
			b := e.batch(lines)
			got := indented(t, "metrics", b.metricsData()) + indented(t, "logs", b.logsData())
			golden := strings.TrimSuffix(file, ".ndjson") + ".golden"
			if *update {
				must(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			must(t, err)
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// indented is m as JSON. The library varies its white space on purpose.
func indented(t *testing.T, name string, m proto.Message) string {
	if m == nil {
		return name + ": none\n"
	}
	text, err := protojson.Marshal(m)
	must(t, err)
	var v any
	must(t, json.Unmarshal(text, &v))
	text, err = json.MarshalIndent(v, "", "  ")
	must(t, err)
	return name + ": " + string(text) + "\n"
}

const (
	otlpBothLine  = `{"v":3,"time":1700000000,"location":{"host":"a"},"event":{"name":"x","state":{"value":"ok"},"vset":{"n":{"value":%d}}}}`
	otlpValueLine = `{"v":3,"time":1700000000,"location":{"host":"a"},"event":{"name":"x","vset":{"n":{"value":1}}}}`
)

// otlpPoints are the values of all data points that came in requests which were taken.
func otlpPoints(t *testing.T, p *httpServer) (values []float64) {
	for _, r := range p.requests() {
		if r.URL.Path != "/v1/metrics" {
			continue
		}
		var data metricspb.MetricsData
		must(t, proto.Unmarshal([]byte(r.body), &data))
		for _, m := range data.ResourceMetrics[0].ScopeMetrics[0].Metrics {
			for _, point := range m.GetGauge().DataPoints {
				values = append(values, point.GetAsDouble())
			}
		}
	}
	return values
}

func TestOTLPRequests(t *testing.T) {
	for _, tt := range []struct {
		name, options string
		paths         []string
	}{
		{"both signals", "", []string{"/v1/metrics", "/v1/logs"}},
		{"a path before", "/otlp/", []string{"/otlp/v1/metrics", "/otlp/v1/logs"}},
		{"only metrics", "?signals=metrics", []string{"/v1/metrics"}},
		{"only logs", "?signals=logs", []string{"/v1/logs"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newOTLPServer(t)
			p.lines = func(*http.Request, []byte) []string { return nil }
			p.path = tt.options
			serveHTTP(t, p)
			if n, err := post(t, opened(t, p.String()), strings.ReplaceAll(otlpBothLine, "%d", "5")); n != 1 || err != nil {
				t.Fatal(n, err)
			}
			var paths []string
			for _, r := range p.requests() {
				paths = append(paths, r.URL.Path)
				if r.Method != "POST" || r.Header.Get("Content-Type") != "application/x-protobuf" || r.Header.Get("User-Agent") != "dumbprobe/dev" {
					t.Errorf("%s with %v", r.Method, r.Header)
				}
			}
			if diff := cmp.Diff(tt.paths, paths); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestOTLPSendsNoRequestOfASignalThatTheLinesDoNotHave(t *testing.T) {
	p := newOTLPServer(t)
	serveHTTP(t, p)
	if n, err := post(t, opened(t, p.String()), otlpValueLine); n != 1 || err != nil || len(p.requests()) != 1 {
		t.Errorf("%d sent, %v, %d requests", n, err, len(p.requests()))
	}
}

func TestOTLPSendsNoMetricsAgainWhenLogsFail(t *testing.T) {
	for _, code := range []int{503, 413} {
		p := newOTLPServer(t)
		p.lines = func(*http.Request, []byte) []string { return nil }
		failures := 3
		p.answer = func(r *http.Request, body []byte) (int, http.Header) {
			// One record alone that is too large would rightly be dropped, and how many are in the first request is a race.
			if r.URL.Path == "/v1/logs" && failures > 0 && (code != 413 || len(otlpRecords(t, body)) > 1) {
				failures--
				return code, nil
			}
			return 200, nil
		}
		serveHTTP(t, p)
		f := start(t, options(t, p))
		var want []float64
		for i := range 50 {
			f.Send([]byte(strings.ReplaceAll(otlpBothLine, "%d", jsonNumber(i))))
			want = append(want, float64(i))
		}
		flush(t, f)
		if diff := cmp.Diff(want, otlpPoints(t, p)); diff != "" {
			t.Errorf("HTTP %d: data points (-want +got):\n%s", code, diff)
		}
		if s := f.Stats()[0]; s.Acknowledged != 50 {
			t.Errorf("HTTP %d: %+v", code, s)
		}
	}
}

func jsonNumber(n int) string {
	text, _ := json.Marshal(n)
	return string(text)
}

func TestOTLPFindsTheLinesThatAreRefused(t *testing.T) {
	p := newOTLPServer(t)
	p.answer = refusesBad(400)
	serveHTTP(t, p)
	f := start(t, options(t, p))
	lines := numbered(0, 100)
	lines[40] = `{"bad":1}`
	for _, line := range lines {
		f.Send([]byte(line))
	}
	flush(t, f)
	expect(t, p.box().waitFor(t, 99), append(numbered(0, 40), numbered(41, 100)...))
	s := f.Stats()[0]
	balanced(t, s)
	if s.Dropped[DropRefused] != 1 {
		t.Errorf("dropped %v", s.Dropped)
	}
}

// exportResponse is an ExportLogsServiceResponse with a partial success.
func exportResponse(rejected uint64, text string) []byte {
	var partial []byte
	if rejected > 0 {
		partial = protowire.AppendVarint(protowire.AppendTag(partial, 1, protowire.VarintType), rejected)
	}
	partial = protowire.AppendString(protowire.AppendTag(partial, 2, protowire.BytesType), text)
	return protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), partial)
}

func TestOTLPPartialSuccessDropsWhatWasRejected(t *testing.T) {
	for _, tt := range []struct {
		name     string
		rejected uint64
		kind     string
		sent     int
	}{
		{"two of five", 2, "application/x-protobuf", 3},
		{"more than there are", 99, "application/x-protobuf", 0},
		{"none, but a warning", 0, "application/x-protobuf", 5},
		{"something else than Protobuf", 2, "text/plain", 5},
		{"a negative number", 1 << 63, "application/x-protobuf", 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newOTLPServer(t)
			p.answer = func(*http.Request, []byte) (int, http.Header) {
				return 200, http.Header{"Content-Type": {tt.kind}}
			}
			p.reply = func(*http.Request, []byte) []byte { return exportResponse(tt.rejected, "too old") }
			serveHTTP(t, p)
			sent, err := post(t, opened(t, p.String()), numbered(0, 5)...)
			var drop *DropError
			if sent != tt.sent || errors.As(err, &drop) != (sent < 5) {
				t.Fatalf("%d sent, %v", sent, err)
			}
			if drop != nil && (drop.Lines != 5-sent || drop.Reason != DropRefused || !strings.Contains(err.Error(), `log records of a request that it took: "too old"`)) {
				t.Errorf("%+v", drop)
			}
			if len(p.requests()) != 1 {
				t.Errorf("%d requests: what was rejected is sent again", len(p.requests()))
			}
		})
	}
}

// The peer says how many points it rejected, and a message may have many.
func TestOTLPCountsRejectedPointsAsMessages(t *testing.T) {
	const three = `{"v":3,"time":1700000000,"location":{"host":"h%d"},"event":{"name":"e","vset":{"a":{"value":1},"b":{"value":2},"c":{"value":3}}}}`
	const none = `{"v":3,"time":1700000000,"location":{"host":"h"},"event":{"name":"e","state":{"value":"ok"}}}`
	for _, tt := range []struct {
		name     string
		rejected uint64
		dropped  int
	}{
		{"a point", 1, 1},
		{"those of a message", 3, 1},
		{"one more", 4, 2},
		{"all but one", 11, 4},
		{"all", 12, 4},
		{"more than there are", 99, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newOTLPServer(t)
			p.answer = func(*http.Request, []byte) (int, http.Header) {
				return 200, http.Header{"Content-Type": {"application/x-protobuf"}}
			}
			p.reply = func(r *http.Request, _ []byte) []byte {
				if strings.HasSuffix(r.URL.Path, "metrics") {
					return exportResponse(tt.rejected, "too old")
				}
				return nil
			}
			p.lines = func(*http.Request, []byte) []string { return nil }
			serveHTTP(t, p)
			lines := []string{none} // it has no part in what was rejected
			for i := range 4 {
				lines = append(lines, strings.ReplaceAll(three, "%d", jsonNumber(i%2)))
			}
			sent, err := post(t, opened(t, p.String()), lines...)
			var drop *DropError
			if !errors.As(err, &drop) || drop.Lines != tt.dropped || sent != 5-tt.dropped {
				t.Errorf("%d sent, %v", sent, err)
			}
		})
	}
}

func TestOTLPPartialSuccessOfBothSignalsIsOfTheSameLines(t *testing.T) {
	p := newOTLPServer(t)
	p.lines = func(*http.Request, []byte) []string { return nil }
	rejected := uint64(3)
	p.answer = func(*http.Request, []byte) (int, http.Header) {
		return 200, http.Header{"Content-Type": {"application/x-protobuf"}}
	}
	p.reply = func(*http.Request, []byte) []byte { return exportResponse(rejected, "too old") }
	serveHTTP(t, p)
	d := opened(t, p.String())
	var lines []string
	for i := range 5 {
		lines = append(lines, strings.ReplaceAll(otlpBothLine, "%d", jsonNumber(i)))
	}
	if sent, err := post(t, d, lines...); sent != 2 || err == nil {
		t.Errorf("%d sent, %v", sent, err)
	}
	rejected = 0
	must(t, d.Connect(t.Context()))
	defer d.Close()
	b := Batch{First: 12, Origin: "origin", Lines: [][]byte{[]byte(lines[0]), []byte(lines[1])}}
	if sent, err := d.Send(t.Context(), b); sent != 2 || err != nil {
		t.Errorf("what was rejected before counts again: %d sent, %v", sent, err)
	}
}

// As the Collector with a pipeline for one of the two only.
func TestOTLPPeerThatRefusesOneSignalGetsTheOther(t *testing.T) {
	lines := []string{otlpValueLine, otlpValueLine, strings.ReplaceAll(otlpBothLine, "%d", "2"), `{"n":1}`, `{"n":2}`, `{"n":3}`}
	for _, tt := range []struct {
		refuses string
		code    int
		drops   uint64
		points  []float64
		records int
	}{
		{"/v1/logs", 404, 4, []float64{1, 1, 2}, 0},
		{"/v1/metrics", 404, 3, nil, 4},
		{"/v1/metrics", 400, 3, nil, 4},
		{"/v1/metrics", 413, 3, nil, 4},
		{"/v1/", 403, 6, nil, 0},
	} {
		t.Run(fmt.Sprint(tt.code, " to ", tt.refuses), func(t *testing.T) {
			p := newOTLPServer(t)
			p.answer = func(r *http.Request, _ []byte) (int, http.Header) {
				if strings.HasPrefix(r.URL.Path, tt.refuses) {
					return tt.code, nil
				}
				return 200, nil
			}
			serveHTTP(t, p)
			f := start(t, options(t, p))
			for _, line := range lines {
				f.Send([]byte(line))
			}
			flush(t, f)
			if got := len(p.box().received()); got != tt.records {
				t.Errorf("%d log records were taken, want %d", got, tt.records)
			}
			if !strings.HasPrefix("/v1/metrics", tt.refuses) {
				if diff := cmp.Diff(tt.points, otlpPoints(t, p)); diff != "" {
					t.Errorf("data points (-want +got):\n%s", diff)
				}
			}
			s := f.Stats()[0]
			balanced(t, s)
			var drops uint64
			for _, n := range s.Dropped {
				drops += n
			}
			if drops != tt.drops || s.Acknowledged != uint64(len(lines))-tt.drops {
				t.Errorf("%d of %d messages were dropped, want %d: %+v", drops, len(lines), tt.drops, s)
			}
		})
	}
}

func TestOTLPPeerThatRefusesAllMetricsIsAskedInEverLargerSteps(t *testing.T) {
	p := newOTLPServer(t)
	p.answer = func(r *http.Request, _ []byte) (int, http.Header) {
		if r.URL.Path == "/v1/metrics" {
			return 400, nil
		}
		return 200, nil
	}
	serveHTTP(t, p)
	f := start(t, options(t, p))
	for i := range 1000 {
		f.Send([]byte(strings.ReplaceAll(otlpBothLine, "%d", jsonNumber(i))))
	}
	flush(t, f)
	if got := len(p.box().received()); got != 1000 {
		t.Errorf("%d log records were taken, want all 1000", got)
	}
	if n := len(p.requests()); n > 100 {
		t.Errorf("%d requests for 1000 messages", n)
	}
}

func TestOTLPSaysThatAPeerMayTakeOneSignalOnly(t *testing.T) {
	p := newOTLPServer(t)
	p.answer = func(*http.Request, []byte) (int, http.Header) { return 404, nil }
	serveHTTP(t, p)
	_, err := post(t, opened(t, p.String()), otlpValueLine)
	if err == nil || !strings.Contains(err.Error(), "metrics: HTTP 404 Not Found") || !strings.Contains(err.Error(), "option signals") {
		t.Error(err)
	}
}

func TestOTLPDropsAMessageThatBecomesTooLarge(t *testing.T) {
	var values strings.Builder
	for i := range 2000 {
		if i > 0 {
			values.WriteString(",")
		}
		values.WriteString(`"v` + jsonNumber(i) + `":{"value":1}`)
	}
	line := `{"v":3,"time":1700000000,"location":{"a":"` + strings.Repeat("x", 20_000) + `"},"event":{"name":"x","vset":{` + values.String() + `}}}`
	p := newOTLPServer(t)
	serveHTTP(t, p)
	f := start(t, options(t, p))
	for _, line := range []string{`{"n":1}`, line, `{"n":2}`} {
		f.Send([]byte(line))
	}
	flush(t, f)
	expect(t, p.box().waitFor(t, 2), []string{`{"n":1}`, `{"n":2}`})
	if s := f.Stats()[0]; s.Dropped[DropTooLarge] != 1 {
		t.Errorf("dropped %v", s.Dropped)
	}
}

func TestOTLPShowsTheTextOfAStatus(t *testing.T) {
	p := newOTLPServer(t)
	p.answer = func(*http.Request, []byte) (int, http.Header) { return 403, nil }
	serveHTTP(t, p)
	a := answer{code: 403, header: http.Header{"Content-Type": {"application/x-protobuf"}},
		body: protowire.AppendString(protowire.AppendTag([]byte{8, 7}, 2, protowire.BytesType), "no such tenant")}
	if err := a.withStatusText().error(); err.Error() != `HTTP 403 Forbidden: "no such tenant"` {
		t.Error(err)
	}
	// And what is no Protobuf is shown as it is.
	if _, err := post(t, opened(t, p.String()), `{}`); err == nil || !strings.Contains(err.Error(), `HTTP 403 Forbidden: "the peer says 403"`) {
		t.Error(err)
	}
}

func FuzzOTLPAnswer(f *testing.F) {
	f.Add(exportResponse(3, "x"))
	f.Add(exportResponse(1<<63, "\xff"))
	f.Add([]byte("\x0a\x05\x08"))
	f.Fuzz(func(t *testing.T, body []byte) {
		a := answer{code: 200, header: http.Header{"Content-Type": {"application/x-protobuf"}}, body: body}
		if n, text := a.partialSuccess(); n < 0 || len(text) > 3*maxQuoted {
			t.Errorf("%d, %q", n, text)
		}
	})
}

// FuzzOTLPLine: each line is in a request of one signal at least, and what is no message of the schema comes out of its
// log record with the meaning that it had.
func FuzzOTLPLine(f *testing.F) {
	files, err := filepath.Glob("testdata/otlp/*.ndjson")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			f.Add([]byte(line))
		}
	}
	f.Add([]byte(strings.Repeat("[", 60) + strings.Repeat("]", 60)))
	f.Add([]byte("{\"a\":\"\xff\"}"))
	f.Add([]byte(`{"a":1,"a":{"b":[1e400,-0,18446744073709551615]}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		for _, onlyLogs := range []bool{false, true} {
			b := newOTLPEncoder("", "", onlyLogs).batch([][]byte{line})
			size := 0
			for _, m := range []proto.Message{b.metricsData(), b.logsData()} {
				if m != nil {
					body, err := proto.Marshal(m)
					must(t, err)
					size += len(body)
				}
			}
			if size == 0 || onlyLogs && (b.logsData() == nil || b.metricsData() != nil) {
				t.Fatalf("%q becomes nothing", line)
			}
			value, valid := readJSON(line)
			object, _ := value.(jsonObject)
			if _, ok := readMessage(object); ok || !valid {
				continue
			}
			if got, ok := readJSON([]byte(peers.JSONOfOTLP(b.hosts[0].records[0].Body))); !ok || !proto.Equal(otlpValue(got), otlpValue(value)) {
				t.Errorf("%q comes out as %v", line, got)
			}
		}
	})
}
