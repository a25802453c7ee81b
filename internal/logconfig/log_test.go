package logconfig

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// write makes a file in a new folder.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// logged gives what a logger made from o writes to stderr.
func logged(t *testing.T, o Options, use func(*Log)) string {
	t.Helper()
	var stderr bytes.Buffer
	o.Stderr = &stderr
	log, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	use(log)
	log.Close()
	return stderr.String()
}

func sayHello(log *Log) {
	log.Debug("not this")
	log.Info("hello", zap.String("check", "disk"))
}

func TestDefaultIsJSON(t *testing.T) {
	text := logged(t, Options{}, sayHello)
	var line map[string]any
	if err := json.Unmarshal([]byte(text), &line); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	when, _ := line["time"].(string)
	if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)$`).MatchString(when) {
		t.Errorf("time is %q, not RFC 3339 with milliseconds", when)
	}
	delete(line, "time")
	if len(line) != 3 || line["level"] != "info" || line["msg"] != "hello" || line["check"] != "disk" {
		t.Errorf("got %v", line)
	}
}

func TestTerminalIsForAPerson(t *testing.T) {
	text := logged(t, Options{Terminal: true}, sayHello)
	if !regexp.MustCompile(`^\d\d:\d\d:\d\d\.\d{3}  INFO  hello  \{"check": "disk"\}\n$`).MatchString(text) {
		t.Errorf("got %q", text)
	}
}

func TestLevelOverridesTheFile(t *testing.T) {
	file := write(t, "log.yaml", "level: warn\n")
	if text := logged(t, Options{File: file}, sayHello); text != "" {
		t.Errorf("the level of the file does not hold: %q", text)
	}
	level := zapcore.DebugLevel
	if text := logged(t, Options{File: file, Level: &level}, sayHello); strings.Count(text, "\n") != 2 {
		t.Errorf("the level given does not hold: %q", text)
	}
}

func TestFiles(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"encoding.yaml", "encoding: console\nencoderConfig: {timeKey: ''}\n", `INFO  hello  {"check": "disk"}` + "\n"},
		{"keys.yaml", "encoderConfig:\n  timeKey: ''\n  messageKey: message\n", `{"level":"info","message":"hello","check":"disk"}` + "\n"},
		{"fields.json", "{\n\t\"initialFields\": {\"site\": \"north\", \"a\": 1},\n\t\"encoderConfig\": {\"timeKey\": \"\", \"levelEncoder\": \"capital\"}\n}\n",
			`{"level":"INFO","msg":"hello","a":1,"site":"north","check":"disk"}` + "\n"},
		{"level.json", `{"level": "error"}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := logged(t, Options{File: write(t, tt.name, tt.text)}, sayHello); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestEmptyFileChangesNothing(t *testing.T) {
	if text := logged(t, Options{File: write(t, "log.yaml", "# nothing yet\n")}, sayHello); !strings.Contains(text, `"msg":"hello"`) {
		t.Errorf("got %q", text)
	}
}

func TestLogFileIsAppendedTo(t *testing.T) {
	out := write(t, "out.log", "before\n")
	config := write(t, "log.yaml", "outputPaths: ["+out+"]\nencoderConfig: {timeKey: ''}\n")
	var stderr bytes.Buffer
	log, err := New(Options{File: config, Stderr: &stderr})
	if err != nil {
		t.Fatal(err)
	}
	if log.OnStderr {
		t.Error("OnStderr is set")
	}
	sayHello(log)
	log.Close()
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if want := "before\n" + `{"level":"info","msg":"hello","check":"disk"}` + "\n"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if stderr.Len() != 0 {
		t.Errorf("stderr has %q", &stderr)
	}
}

func TestStdoutIsRefusedWhileMessagesGoThere(t *testing.T) {
	for _, sink := range []string{"stdout", "/dev/stdout", "file:///dev/stdout", "/proc/self/fd/1", "/dev/../dev/fd/1"} {
		file := write(t, "log.yaml", "outputPaths: ["+sink+"]\n")
		_, err := New(Options{File: file, Stderr: new(bytes.Buffer)})
		want := "logging file " + file + `: outputPaths: "` + sink + `": stdout is where the messages go; log to stderr or to a file, or give another --destination`
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		var stdout bytes.Buffer
		log, err := New(Options{File: file, Stderr: new(bytes.Buffer), Stdout: &stdout})
		if err != nil {
			t.Fatal(err)
		}
		sayHello(log)
		log.Close()
		if !strings.Contains(stdout.String(), "hello") {
			t.Errorf("%s: nothing in stdout", sink)
		}
	}
}

func TestBadFiles(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"unknown key", "levle: info\n", "line 1: unknown key `levle`, did you mean `level`?"},
		{"unknown key in JSON", "{\n  \"outputpaths\": []\n}\n", "line 2: unknown key `outputpaths`, did you mean `outputPaths`?"},
		{"unknown key within", "encoderConfig:\n  timekey: t\n", "line 2: unknown key `timekey`, did you mean `timeKey`?"},
		{"nothing like it", "sampling:\n  frequency: 3\n", "line 2: unknown key `frequency`; known keys are initial, thereafter"},
		{"level", "level: loud\n", `unrecognized level: "loud"`},
		{"type", "development: perhaps\n", "line 1: cannot unmarshal !!str `perhaps` into bool"},
		{"two", "level: info\n---\nlevel: warn\n", "it holds more than one document; one Config is expected"},
		{"encoding", "encoding: xml\n", `encoding "xml" is not known; it is console or json`},
		{"not YAML", "level: [\n", "line 1: did not find expected node content"},
		{"no such folder", "outputPaths: [/nonexistent/x.log]\n", `outputPaths: cannot write there: open sink "/nonexistent/x.log": open /nonexistent/x.log: no such file or directory`},
		{"no such scheme", "errorOutputPaths: ['smoke://signal']\n", `errorOutputPaths: cannot write there: open sink "smoke://signal": no sink found for scheme "smoke"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := write(t, "log.yaml", tt.text)
			_, err := New(Options{File: file, Stderr: new(bytes.Buffer)})
			if want := "logging file " + file + ": " + tt.want; err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

func TestUnreadableFile(t *testing.T) {
	_, err := New(Options{File: "nonexistent.yaml"})
	if want := "logging file nonexistent.yaml: no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	folder := t.TempDir()
	_, err = New(Options{File: folder})
	if want := "logging file " + folder + ": is a directory"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestIsTerminal(t *testing.T) {
	f, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("no pseudo terminal can be had here: %v", err)
	}
	defer f.Close()
	if !IsTerminal(f) {
		t.Error("a pseudo terminal is said to be none")
	}
}

func TestPipeIsNoTerminal(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if IsTerminal(w) {
		t.Error("a pipe is said to be a terminal")
	}
	w.Close()
	if IsTerminal(w) {
		t.Error("a closed file is said to be a terminal")
	}
}
