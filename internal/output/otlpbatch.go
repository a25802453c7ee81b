package output

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/proto"

	"dumbprobe/internal/message"
)

// otlpEncoder makes of lines what OTLP sends. The mapping is a table in docs/delivery.md.
type otlpEncoder struct {
	scope    *commonpb.InstrumentationScope
	hostname string // of messages that do not tell theirs
	onlyLogs bool
	now      func() time.Time
}

func newOTLPEncoder(version, hostname string, onlyLogs bool) otlpEncoder {
	scope := &commonpb.InstrumentationScope{Name: "dumbprobe", Version: version}
	return otlpEncoder{scope: scope, hostname: hostname, onlyLogs: onlyLogs, now: time.Now}
}

// otlpBatch has one otlpHost for each host of its lines, in the order of their first lines.
type otlpBatch struct {
	scope *commonpb.InstrumentationScope
	hosts []*otlpHost
	lines []otlpParts // of each line, what it became
}

// otlpParts is which signals have a part of a line.
type otlpParts struct{ metrics, logs bool }

// otlpHost is what one host has.
type otlpHost struct {
	resource *resourcepb.Resource
	metrics  []*metricspb.Metric
	byKey    map[otlpMetricKey]*metricspb.Metric
	records  []*logspb.LogRecord
	values   otlpShare // of metrics
}

// otlpShare is what a request has: so many points of so many lines.
type otlpShare struct{ points, of int }

// lines is how many lines so many of the points are, if they are spread over them evenly, rounded up.
func (s otlpShare) lines(points int) int {
	if points >= s.points {
		return s.of
	}
	return (points*s.of + s.points - 1) / s.points
}

type otlpMetricKey struct {
	name, unit string
	kind       message.ValueType
}

// batch maps lines.
func (e otlpEncoder) batch(lines [][]byte) otlpBatch {
	b := otlpBatch{scope: e.scope}
	hosts := map[string]*otlpHost{}
	host := func(name string) *otlpHost {
		name = cmp.Or(name, e.hostname)
		if hosts[name] == nil {
			hosts[name] = &otlpHost{resource: otlpResource(name, e.scope.Version), byKey: map[otlpMetricKey]*metricspb.Metric{}}
			b.hosts = append(b.hosts, hosts[name])
		}
		return hosts[name]
	}
	for _, line := range lines {
		value, ok := readJSON(line)
		if !ok {
			value = string(validUTF8(line))
		}
		object, _ := value.(jsonObject)
		at := e.lineTime(object)
		observed := cmp.Or(at, uint64(e.now().UnixNano()))
		if m, ok := readMessage(object); ok {
			b.lines = append(b.lines, host(m.Location["host"]).add(m, observed, e.onlyLogs))
			continue
		}
		location, _ := object.get("location").(jsonObject)
		name, _ := location.get("host").(string)
		h := host(name)
		h.records = append(h.records, &logspb.LogRecord{
			TimeUnixNano: at, ObservedTimeUnixNano: observed, Body: otlpValue(value),
		})
		b.lines = append(b.lines, otlpParts{logs: true})
	}
	return b
}

// lineTime is the time of a line, in nanoseconds since 1970; 0 if it has none.
func (e otlpEncoder) lineTime(line jsonObject) uint64 {
	literal, _ := line.get("time").(json.Number)
	seconds, ns, ok := lineTime([]byte(literal))
	if !ok {
		return 0
	}
	return uint64(seconds)*1e9 + uint64(ns)
}

func (h *otlpHost) add(m schemaMessage, at uint64, onlyLogs bool) (parts otlpParts) {
	var attributes []*commonpb.KeyValue
	for _, key := range slices.Sorted(maps.Keys(m.Location)) {
		if key != "host" {
			attributes = append(attributes, &commonpb.KeyValue{Key: key, Value: otlpString(m.Location[key])})
		}
	}
	if !onlyLogs {
		for i := range m.Values {
			h.addPoint(m, &m.Values[i], at, attributes)
		}
		h.values.points += len(m.Values)
		h.values.of += min(len(m.Values), 1)
		parts.metrics = len(m.Values) > 0
	}
	if onlyLogs || m.State != "" || m.Comment != "" || m.ThresholdKept != "" || m.thresholds || m.beyond != nil || m.inValues || len(m.Values) == 0 {
		h.records = append(h.records, otlpRecord(m, at, attributes, onlyLogs))
		parts.logs = true
	}
	return parts
}

// addPoint adds a value to the metric of its name, unit and type.
func (h *otlpHost) addPoint(m schemaMessage, v *message.NamedValue, at uint64, attributes []*commonpb.KeyValue) {
	key := otlpMetricKey{m.Aspect + "." + v.Name, v.Value.Unit, cmp.Or(v.Value.Type, message.Direct)}
	metric := h.byKey[key]
	if metric == nil {
		metric = &metricspb.Metric{Name: key.name, Unit: key.unit}
		switch key.kind {
		case message.Accumulative:
			metric.Data = otlpSum(metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE)
		case message.Differential:
			metric.Data = otlpSum(metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA)
		default:
			metric.Data = &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{}}
		}
		h.byKey[key] = metric
		h.metrics = append(h.metrics, metric)
	}
	point := &metricspb.NumberDataPoint{TimeUnixNano: at, Attributes: attributes}
	if v.Value.Null {
		point.Flags = uint32(metricspb.DataPointFlags_DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK)
	} else {
		point.Value = &metricspb.NumberDataPoint_AsDouble{AsDouble: v.Value.Number}
	}
	if length := m.Interval * 1e9; key.kind == message.Differential && length > 0 && length <= float64(at) {
		point.StartTimeUnixNano = at - min(at, uint64(length))
	}
	switch data := metric.Data.(type) {
	case *metricspb.Metric_Gauge:
		data.Gauge.DataPoints = append(data.Gauge.DataPoints, point)
	case *metricspb.Metric_Sum:
		data.Sum.DataPoints = append(data.Sum.DataPoints, point)
	}
}

func otlpSum(t metricspb.AggregationTemporality) *metricspb.Metric_Sum {
	return &metricspb.Metric_Sum{Sum: &metricspb.Sum{AggregationTemporality: t, IsMonotonic: true}}
}

// otlpRecord is the log record of a message. A key of a location has no dot, so no attribute is there twice.
func otlpRecord(m schemaMessage, at uint64, attributes []*commonpb.KeyValue, onlyLogs bool) *logspb.LogRecord {
	r := &logspb.LogRecord{
		TimeUnixNano: at, ObservedTimeUnixNano: at, EventName: m.Aspect,
		Attributes: append(slices.Clone(attributes), &commonpb.KeyValue{Key: "event.name", Value: otlpString(m.Aspect)}),
	}
	state, severity := m.State, cmp.Or(m.Severity, message.Expected)
	if state == "" && m.thresholds {
		state, severity = m.DerivedState()
	}
	if state != "" {
		r.SeverityText = string(severity)
		r.SeverityNumber = otlpSeverity(severity)
	}
	text := m.Aspect
	if state != "" {
		text += ": " + state
	}
	r.Body = otlpString(cmp.Or(m.Comment, text))
	add := func(key string, value *commonpb.AnyValue) {
		r.Attributes = append(r.Attributes, &commonpb.KeyValue{Key: key, Value: value})
	}
	if state != "" {
		add("event.state", otlpString(state))
	}
	if m.ThresholdKept != "" {
		add("event.threshold_kept", otlpString(m.ThresholdKept))
	}
	if m.Interval != 0 {
		add("event.interval", otlpDouble(m.Interval))
	}
	if m.vset != nil && (onlyLogs || m.thresholds || m.inValues) {
		add("event.vset", otlpValue(m.vset))
	}
	for _, f := range m.beyond {
		add(f.key, otlpValue(f.value))
	}
	return r
}

func otlpSeverity(s message.Severity) logspb.SeverityNumber {
	switch s {
	case message.Warning:
		return logspb.SeverityNumber_SEVERITY_NUMBER_WARN
	case message.Error:
		return logspb.SeverityNumber_SEVERITY_NUMBER_ERROR
	}
	return logspb.SeverityNumber_SEVERITY_NUMBER_INFO
}

// otlpResource is where a message was measured. service.instance.id is what Prometheus makes the label instance of.
func otlpResource(host, version string) *resourcepb.Resource {
	r := &resourcepb.Resource{Attributes: []*commonpb.KeyValue{{Key: "service.name", Value: otlpString("dumbprobe")}}}
	if version != "" {
		r.Attributes = append(r.Attributes, &commonpb.KeyValue{Key: "service.version", Value: otlpString(version)})
	}
	if host != "" {
		r.Attributes = append(r.Attributes,
			&commonpb.KeyValue{Key: "service.instance.id", Value: otlpString(host)},
			&commonpb.KeyValue{Key: "host.name", Value: otlpString(host)})
	}
	return r
}

// metricsData is what a request to /v1/metrics has: MetricsData has the wire form of ExportMetricsServiceRequest. It is
// nil where there is no value.
func (b otlpBatch) metricsData() proto.Message {
	var data metricspb.MetricsData
	for _, h := range b.hosts {
		if len(h.metrics) > 0 {
			data.ResourceMetrics = append(data.ResourceMetrics, &metricspb.ResourceMetrics{
				Resource: h.resource, ScopeMetrics: []*metricspb.ScopeMetrics{{Scope: b.scope, Metrics: h.metrics}},
			})
		}
	}
	if data.ResourceMetrics == nil {
		return nil
	}
	return &data
}

// logsData is what a request to /v1/logs has, as metricsData.
func (b otlpBatch) logsData() proto.Message {
	var data logspb.LogsData
	for _, h := range b.hosts {
		if len(h.records) > 0 {
			data.ResourceLogs = append(data.ResourceLogs, &logspb.ResourceLogs{
				Resource: h.resource, ScopeLogs: []*logspb.ScopeLogs{{Scope: b.scope, LogRecords: h.records}},
			})
		}
	}
	if data.ResourceLogs == nil {
		return nil
	}
	return &data
}

func (b otlpBatch) metricsShare() (all otlpShare) {
	for _, h := range b.hosts {
		all.points += h.values.points
		all.of += h.values.of
	}
	return all
}

// logsShare is that of records, of which a line has one at most.
func (b otlpBatch) logsShare() (all otlpShare) {
	for _, h := range b.hosts {
		all.points += len(h.records)
		all.of += len(h.records)
	}
	return all
}
