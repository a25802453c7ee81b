package scripts_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap/zaptest"

	"dumbprobe/engine"
	"dumbprobe/scripts"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestShipped loads every script that is shipped, as the daemon would.
func TestShipped(t *testing.T) {
	names, err := fs.Glob(scripts.FS, "*.lua")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"example.lua", "handle.lua", "host.lua", "object.lua", "traffic.lua"} {
		if !strings.Contains(strings.Join(names, " "), want) {
			t.Errorf("%s is not among the embedded scripts: %v", want, names)
		}
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			embedded, err := fs.ReadFile(scripts.FS, name)
			if err != nil {
				t.Fatal(err)
			}
			path := writeScript(t, string(embedded))
			if report := validate(t, path); len(report.Entries) == 0 && !report.Object {
				t.Error("it has neither entries nor run_next")
			}
		})
	}
}

// TestFolder loads the folder as a whole: the names of checks must not clash.
func TestFolder(t *testing.T) {
	reports, err := engine.Validate(t.Context(), engine.Options{Checks: []string{"."}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reports {
		if r.Err != nil {
			t.Error(r.Err)
		}
	}
}

func TestStubsAreEmbedded(t *testing.T) {
	if names, err := fs.Glob(scripts.FS, "meta/*.lua"); err != nil || len(names) == 0 {
		t.Errorf("the types for editors are %v (%v)", names, err)
	}
}

// TestTraffic runs the script twice, as over a restart: the first run has nothing to compare with.
func TestTraffic(t *testing.T) {
	dir := t.TempDir()
	run := func() string {
		var out bytes.Buffer
		e, err := engine.New(engine.Options{Checks: []string{"traffic.lua"}, Stdout: &out, StateDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Once(t.Context()); err != nil {
			t.Errorf("%v; messages:\n%s", err, out.String())
		}
		return out.String()
	}
	if first := run(); first != "" {
		t.Errorf("the first run sent %s", first)
	}
	found := false
	for _, m := range messages(t, run()) {
		if m.Location["interface"] != "lo" {
			continue
		}
		found = true
		for _, name := range []string{"received", "sent"} {
			if v := m.Event.Vset[name].Value; v == nil || *v < 0 {
				t.Errorf("the value %s of lo is %v", name, v)
			}
		}
	}
	if !found {
		t.Error("there is nothing about lo")
	}
}

func TestHost(t *testing.T) {
	got := messages(t, once(t, "host.lua"))
	aspects := map[string]bool{}
	for _, m := range got {
		aspects[m.Event.Name] = true
		if m.Location["host"] == "" {
			t.Errorf("%s has no host in its location %v", m.Event.Name, m.Location)
		}
	}
	for _, aspect := range []string{"uptime", "load average", "processes", "CPU time", "memory", "network traffic", "disk space"} {
		if !aspects[aspect] {
			t.Errorf("no message about %q", aspect)
		}
	}
	for _, m := range got {
		switch m.Event.Name {
		case "uptime":
			if v := m.Event.Vset["value"]; v.Unit != "s" || !(*v.Value > 0) {
				t.Errorf("the uptime is %+v", v)
			}
		case "memory":
			total, free := m.Event.Vset["total"], m.Event.Vset["free"]
			if total.Unit != "B" || !(*total.Value > *free.Value) {
				t.Errorf("the memory is %+v, of it free %+v", total, free)
			}
		case "network traffic":
			if v := m.Event.Vset["received"]; m.Location["interface"] == "" || v.Type != "accumulative" || v.Unit != "B" {
				t.Errorf("what %v received is %+v", m.Location, v)
			}
			if _, ok := m.Event.Vset["send_drops"]; !ok {
				t.Errorf("a column of /proc/net/dev is missing: %v", m.Event.Vset)
			}
		case "disk space":
			total, free := m.Event.Vset["total"], m.Event.Vset["free"]
			if m.Location["filesystem"] == "" || !(*total.Value >= *free.Value) {
				t.Errorf("%v has %+v, of it free %+v", m.Location, total, free)
			}
		case "CPU time":
			if v := m.Event.Vset["user"]; len(m.Event.Vset) != 8 || v.Type != "accumulative" || v.Unit != "s" {
				t.Errorf("the CPU time is %v", m.Event.Vset)
			}
		case "processes":
			if v := m.Event.Vset["running"]; len(m.Event.Vset) != 4 || !(*v.Value >= 1) {
				t.Errorf("the processes are %v", m.Event.Vset)
			}
		}
	}
}

// mounts are lines of /proc/mounts: pseudo file systems, a bind mount, an image, a network file system, and a
// space in a path.
const mounts = `proc /proc proc rw 0 0
overlay / overlay rw 0 0
tmpfs /dev tmpfs rw 0 0
/dev/sda1 DIR/hosts ext4 rw 0 0
/dev/sda1 DIR/resolv.conf ext4 rw 0 0
/dev/loop0 /snap/x squashfs ro 0 0
server:/export /home nfs rw 0 0
tank/data DIR/with\040space zfs rw 0 0
`

func TestHostFileSystems(t *testing.T) {
	dir := t.TempDir()
	hosts, spaced := filepath.Join(dir, "hosts"), filepath.Join(dir, "with space")
	for _, path := range []string{hosts, spaced} {
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	table := filepath.Join(dir, "mounts")
	if err := os.WriteFile(table, []byte(strings.ReplaceAll(mounts, "DIR", dir)), 0o644); err != nil {
		t.Fatal(err)
	}
	path := edited(t, "host.lua", `"/proc/mounts"`, fmt.Sprintf("%q", table))
	var got []string
	for _, m := range messages(t, once(t, path)) {
		if m.Event.Name == "disk space" {
			got = append(got, m.Location["filesystem"])
		}
	}
	if want := []string{"/", hosts, spaced}; strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("the file systems are %q, not %q", got, want)
	}
}

// TestHostWithoutProc has a check fail with the name of the missing file, and the others go on.
func TestHostWithoutProc(t *testing.T) {
	path := edited(t, "host.lua", `"/proc/meminfo"`, `"/nonexistent/meminfo"`)
	out, err := runOnce(t, path)
	var once *engine.OnceError
	if !errors.As(err, &once) || once.Failed != 1 || once.Checks != 7 {
		t.Errorf("the error is %v", err)
	}
	var said string
	for _, m := range messages(t, out) {
		if m.Event.Name == "dumbprobe check" {
			said += m.Location["check"] + ": " + m.Event.Comment
		}
	}
	if !strings.HasPrefix(said, "host memory: ") || !strings.Contains(said, "/nonexistent/meminfo: no such file") {
		t.Errorf("the daemon says %q", said)
	}
}

const (
	checkLoad  = "/usr/lib/nagios/plugins/check_load"
	checkUsers = "/usr/lib/nagios/plugins/check_users"
	iostat     = "/usr/bin/iostat"
)

func TestExample(t *testing.T) {
	need(t, "monitoring-plugins-basic", checkLoad, checkUsers)
	got := map[string]msg{}
	users := 0
	for _, m := range messages(t, once(t, "example.lua")) {
		key := m.Event.Name
		if fs := m.Location["filesystem"]; fs != "" {
			key += " " + fs
		}
		if key == "account" {
			users++
		}
		got[key] = m
	}
	for _, key := range []string{"uptime", "disk space /", "disk space /home", "disk space /tmp", "account", "random", "load average", "wtmp"} {
		if _, ok := got[key]; !ok {
			t.Errorf("no message of %q", key)
		}
	}
	for _, key := range []string{"uptime", "random", "disk space /"} {
		if m := got[key]; m.Location["host"] == "" {
			t.Errorf("%s has no host: %v", key, m.Location)
		}
	}
	disk := got["disk space /"].Event.Vset
	if disk["free"].Unit != "MB" || disk["total"].Unit != "MB" || !(*disk["total"].Value > *disk["free"].Value) {
		t.Errorf("the disk space is %+v", disk)
	}
	if v := got["random"].Event.Vset["value"].Value; !(*v >= 0 && *v < 0.5) {
		t.Errorf("the random number is %v", *v)
	}
	if users == 0 || got["account"].Location["user"] == "" {
		t.Errorf("%d accounts, the last is %v", users, got["account"])
	}
	load := got["load average"]
	if load.Location["service"] != "load" || load.Location["host"] == "" {
		t.Errorf("the location of the load is %v", load.Location)
	}
	if high := load.Event.Vset["load1"].High; len(high) != 2 || high[0].Value != 0.25 || high[1].Value != 0.5 {
		t.Errorf("the thresholds of the load are %v", high)
	}
	if wtmp := got["wtmp"]; wtmp.Location["service"] != "users" || len(wtmp.Event.Vset["users"].High) != 2 {
		t.Errorf("the users are %+v", wtmp)
	}
}

// reports are what iostat prints, of sysstat 12 and of one before 12.1 (without the columns of discards).
var iostatReports = map[string]string{
	"sysstat 12": `Linux 6.1.0 (web01) 	11/23/26 	_x86_64_	(2 CPU)

avg-cpu:  %user   %nice %system %iowait  %steal   %idle
          19.81    0.00    4.17    0.11    0.01   75.90

Device             tps    kB_read/s    kB_wrtn/s    kB_dscd/s    kB_read    kB_wrtn    kB_dscd
sda              62.94       842.11       515.51       372.01    3058241    1872132    1351008
dm-0              1.00         2.00         3.00         0.00          4          5          0
vda               1.00         2.00         3.00         0.00          4          5          0
nvme0n1           1.00         2.00         3.00         0.00          4          5          0
loop0             1.00         2.00         3.00         0.00          4          5          0

`,
	"sysstat 11": `Linux 3.16.0 (web01) 	11/23/16 	_x86_64_	(2 CPU)

avg-cpu:  %user   %nice %system %iowait  %steal   %idle
           0.50    0.00    0.50    0.00    0.00   99.00

Device:            tps    kB_read/s    kB_wrtn/s    kB_read    kB_wrtn
sda              62.94       842.11       515.51    3058241    1872132
dm-0              1.00         2.00         3.00          4          5
vda               1.00         2.00         3.00          4          5
nvme0n1           1.00         2.00         3.00          4          5
sr0               1.00         2.00         3.00          4          5
`,
}

func TestExampleIostatReports(t *testing.T) {
	for name, report := range iostatReports {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "report")
			if err := os.WriteFile(file, []byte(report), 0o644); err != nil {
				t.Fatal(err)
			}
			path := edited(t, "example.lua", `{"/usr/bin/iostat", "-p", "20"}`, fmt.Sprintf(`"cat %s; sleep 60"`, file))
			devices := map[string]msg{}
			run(t, path, func(out string) bool {
				for _, m := range messages(t, out) {
					if m.Event.Name == "disk I/O" {
						devices[m.Location["device"]] = m
					}
					if c := m.Event.Comment; strings.Contains(c, "#9 ShellStream") {
						t.Error(c)
					}
				}
				return devices["nvme0n1"].Event.Name != ""
			})
			if len(devices) != 4 || devices["dm-0"].Event.Name == "" || devices["vda"].Event.Name == "" {
				t.Errorf("the devices are %v", devices)
			}
			sda := devices["sda"]
			for name, want := range map[string]value{
				"read_speed":   {Value: number(842.11), Unit: "kB/s"},
				"write_speed":  {Value: number(515.51), Unit: "kB/s"},
				"transactions": {Value: number(62.94), Unit: "tps"},
			} {
				if got := sda.Event.Vset[name]; got.Value == nil || *got.Value != *want.Value || got.Unit != want.Unit {
					t.Errorf("%s of sda is %+v", name, got)
				}
			}
			if len(sda.Event.Vset) != 3 || sda.Location["host"] == "" {
				t.Errorf("the message is %+v", sda)
			}
		})
	}
}

// TestExampleIostat runs the real iostat, whose first report comes at once.
func TestExampleIostat(t *testing.T) {
	need(t, "sysstat", iostat)
	out, err := exec.Command(iostat, "-p").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^(sd|dm-|vd|nvme)`).Match(out) {
		skip(t, fmt.Sprintf("iostat shows no disk that the example knows:\n%s", out))
	}
	run(t, "example.lua", func(out string) bool {
		for _, m := range messages(t, out) {
			if m.Event.Name == "disk I/O" {
				return m.Location["device"] != "" && m.Event.Vset["transactions"].Unit == "tps"
			}
		}
		return false
	})
}

func TestObject(t *testing.T) {
	path := edited(t, "object.lua", "seldom = 10", "seldom = 0.05")
	run(t, path, func(out string) bool {
		n := 0
		for _, m := range messages(t, out) {
			if m.Event.Name != "load average" || len(m.Event.Vset["load1"].High) != 1 || m.Location["host"] == "" {
				t.Errorf("a message is %+v", m)
			}
			n++
		}
		return n >= 3
	})
}

func TestHandle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "my.log")
	if err := os.WriteFile(path, []byte("error: an old line\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DUMBPROBE_LOG", path)
	written := ""
	var got []msg
	run(t, "handle.lua", func(out string) bool {
		if written == "" { // the handle may not be open yet: lines are written until one arrives
			written = "all is well\nERROR: the disk is on fire\nWarning: \xff is no UTF-8\n"
		}
		got = messages(t, out)
		if len(got) == 0 {
			file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err == nil {
				_, err = file.WriteString(written)
				err = errors.Join(err, file.Close())
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		return len(got) >= 2
	})
	first, second := got[0], got[1]
	if first.Event.State.Value != "error" || first.Event.State.Severity != "error" || first.Event.Comment != "ERROR: the disk is on fire" {
		t.Errorf("the first message is %+v", first)
	}
	if second.Event.State.Value != "warning" || second.Event.Comment != "Warning: ? is no UTF-8" || second.Location["file"] != path {
		t.Errorf("the second message is %+v", second)
	}
}

// TestDocs loads every Lua block of the documentation that is a whole script, and checks that every JSON block
// is messages of the schema.
func TestDocs(t *testing.T) {
	for _, file := range []string{"README.md", "docs/checks.md", "docs/messages.md"} {
		text, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(file)))
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, b := range blocks(string(text)) {
			name := fmt.Sprintf("%s:%d", file, b.line)
			switch b.info {
			case "lua":
				found++
				t.Run(name, func(t *testing.T) { validate(t, writeScript(t, b.text)) })
			case "lua fragment":
				t.Run(name, func(t *testing.T) {
					// A part of a script, which compiles by itself.
					validate(t, writeScript(t, "local dp, total = require \"dumbprobe\", 0\n"+b.text+"\nCHECKS = {}"))
				})
			case "json":
				found++
				t.Run(name, func(t *testing.T) { messages(t, b.text) })
			}
		}
		if found == 0 {
			t.Errorf("%s has no block that is tested", file)
		}
	}
}

// TestDocsLinks has every link within the documentation point at a file and a headline that are there.
func TestDocsLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, file := range []string{"README.md", "docs/checks.md", "docs/messages.md"} {
		path := filepath.Join("..", filepath.FromSlash(file))
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range link.FindAllStringSubmatch(string(text), -1) {
			target, anchor, _ := strings.Cut(found[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			to := path
			if target != "" {
				to = filepath.Join(filepath.Dir(path), target)
			}
			content, err := os.ReadFile(to)
			if err != nil {
				if info, statErr := os.Stat(to); statErr != nil || !info.IsDir() {
					t.Errorf("%s: the link %s: %v", file, found[1], err)
				}
				continue
			}
			if anchor != "" && !anchors(string(content))[anchor] {
				t.Errorf("%s: the link %s: no such headline", file, found[1])
			}
		}
	}
}

// anchors are the names that GitHub gives to headlines.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	headline := regexp.MustCompile(`(?m)^#+ (.*)$`)
	other := regexp.MustCompile(`[^a-z0-9 _-]`)
	for _, h := range headline.FindAllStringSubmatch(text, -1) {
		all[strings.ReplaceAll(other.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-")] = true
	}
	return all
}

type block struct {
	info, text string
	line       int
}

// blocks are the fenced blocks of a page.
func blocks(page string) []block {
	var all []block
	inside := false
	for i, line := range strings.Split(page, "\n") {
		switch fence := strings.HasPrefix(line, "```"); {
		case fence && !inside:
			all = append(all, block{info: strings.TrimPrefix(line, "```"), line: i + 1})
			inside = true
		case fence:
			inside = false
		case inside:
			all[len(all)-1].text += line + "\n"
		}
	}
	return all
}

// need skips the test where programs are missing, and fails it where they must be there.
func need(t *testing.T, pkg string, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := os.Stat(program); err != nil {
			skip(t, fmt.Sprintf("%s is not installed (Debian: %s)", program, pkg))
		}
	}
}

// skip says why the test is left out. Where all has to be there, that is a failure.
func skip(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func writeScript(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script.lua")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// edited is a copy of a script with one place changed.
func edited(t *testing.T, name, old, to string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(text), old) != 1 {
		t.Fatalf("%s has %q %d times, not once", name, old, strings.Count(string(text), old))
	}
	return writeScript(t, strings.Replace(string(text), old, to, 1))
}

func validate(t *testing.T, path string) engine.ScriptReport {
	t.Helper()
	reports, err := engine.Validate(t.Context(), engine.Options{Checks: []string{path}, Logger: zaptest.NewLogger(t)})
	if err != nil {
		t.Fatal(err)
	}
	if len(reports) != 1 || reports[0].Err != nil {
		t.Fatalf("the report is %+v", reports)
	}
	return reports[0]
}

// once runs the checks of a list once. All have to work.
func once(t *testing.T, path string) string {
	t.Helper()
	out, err := runOnce(t, path)
	if err != nil {
		t.Errorf("%v; messages:\n%s", err, out)
	}
	return out
}

func runOnce(t *testing.T, path string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	e, err := engine.New(engine.Options{Checks: []string{path}, Stdout: &out})
	if err != nil {
		t.Fatal(err)
	}
	err = e.Once(t.Context())
	return out.String(), err
}

// run runs a script until done says that the output is enough; it is asked about every 50 ms.
func run(t *testing.T, path string, done func(out string) bool) {
	t.Helper()
	var out output
	e, err := engine.New(engine.Options{Checks: []string{path}, Stdout: &out})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for !done(out.lines()) {
		select {
		case err := <-ended:
			t.Fatalf("it ended: %v; messages:\n%s", err, out.lines())
		case <-ticker.C:
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// output takes what the destination stdout writes.
type output struct {
	mu   sync.Mutex // protects following field
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// lines are the whole lines so far.
func (o *output) lines() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := o.text.String()
	return text[:strings.LastIndex(text, "\n")+1]
}

// msg is a message of the schema. Pointers are fields that have to be there.
type msg struct {
	V        int               `json:"v"`
	Time     *float64          `json:"time"`
	Location map[string]string `json:"location"`
	Event    struct {
		Name  string `json:"name"`
		State *struct {
			Value    string `json:"value"`
			Severity string `json:"severity"`
		} `json:"state"`
		Vset          map[string]value `json:"vset"`
		ThresholdKept string           `json:"threshold_kept"`
		Comment       string           `json:"comment"`
		Interval      float64          `json:"interval"`
	} `json:"event"`
}

type value struct {
	Value *float64    `json:"value"` // nil: null, or not there
	Unit  string      `json:"unit"`
	Type  string      `json:"type"`
	High  []threshold `json:"threshold_high"`
	Low   []threshold `json:"threshold_low"`
}

type threshold struct {
	Name     string  `json:"name"`
	Value    float64 `json:"value"`
	Severity string  `json:"severity"`
}

func number(f float64) *float64 { return &f }

// messages reads lines of messages, and checks each against the schema (docs/messages.md).
func messages(t *testing.T, lines string) []msg {
	t.Helper()
	var all []msg
	for line := range strings.Lines(lines) {
		m, err := readMessage(line)
		if err != nil {
			t.Errorf("%v: %s", err, line)
			continue
		}
		all = append(all, m)
	}
	return all
}

var name = regexp.MustCompile(`^[a-zA-Z0-9_]+$`)

func readMessage(line string) (m msg, err error) {
	d := json.NewDecoder(strings.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, err
	}
	if d.More() {
		return m, errors.New("more than one object on a line")
	}
	var problems []error
	expect := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	expect(m.V == 3, "the version is %d", m.V)
	expect(m.Time != nil && *m.Time > 0, "no time")
	expect(m.Location != nil, "no location")
	for key := range m.Location {
		expect(name.MatchString(key), "the location's key %q", key)
	}
	expect(m.Event.Name != "", "no aspect")
	expect(m.Event.State != nil || len(m.Event.Vset) > 0, "neither a state nor values")
	if s := m.Event.State; s != nil {
		expect(name.MatchString(s.Value), "the state %q", s.Value)
		expect(slices.Contains([]string{"", "expected", "warning", "error"}, s.Severity), "the severity %q", s.Severity)
	}
	for key, v := range m.Event.Vset {
		expect(name.MatchString(key), "the value's name %q", key)
		expect(slices.Contains([]string{"", "direct", "accumulative", "differential"}, v.Type), "the type %q of %s", v.Type, key)
		for _, t := range slices.Concat(v.High, v.Low) {
			expect(name.MatchString(t.Name), "the threshold's name %q of %s", t.Name, key)
			expect(t.Severity == "warning" || t.Severity == "error", "the threshold's severity %q of %s", t.Severity, key)
		}
	}
	return m, errors.Join(problems...)
}
