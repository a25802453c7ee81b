package logconfig

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const (
	stderrName = "stderr"
	stdoutName = "stdout"
)

// streams are the names under which the kernel, too, has the standard streams.
var streams = map[string]string{
	stderrName: stderrName, "/dev/stderr": stderrName, "/dev/fd/2": stderrName, "/proc/self/fd/2": stderrName,
	stdoutName: stdoutName, "/dev/stdout": stdoutName, "/dev/fd/1": stdoutName, "/proc/self/fd/1": stdoutName,
}

// errStdout is the answer to a log that would end up among the messages.
var errStdout = errors.New("stdout is where the messages go; log to stderr or to a file, or give another --destination")

// sinks are what a log is written to. One that hangs holds up the others no longer than who logs.
type sinks struct {
	notice         func(lost int) []byte
	stderr, stdout *patient // stdout is nil: messages go there
	files          []logFile
}

type logFile struct {
	*patient
	close func()
}

func newSinks(o Options, notice func(lost int) []byte) *sinks {
	s := &sinks{notice: notice, stderr: newPatient(zapcore.AddSync(o.Stderr), notice)}
	if o.Stdout != nil {
		s.stdout = newPatient(zapcore.AddSync(o.Stdout), notice)
	}
	return s
}

// open opens paths: standard streams, and what zap.Open takes (files, and URLs of schemes it knows). The writer writes to
// all of them, and is safe for concurrent use. close must be called, also after an error.
func (s *sinks) open(key string, paths []string) (zapcore.WriteSyncer, error) {
	var writers []zapcore.WriteSyncer
	var problems []string
	for _, path := range paths {
		switch streams[streamPath(path)] {
		case stderrName:
			writers = append(writers, s.stderr)
		case stdoutName:
			if s.stdout == nil {
				return nil, fmt.Errorf("%s: %q: %w", key, path, errStdout)
			}
			writers = append(writers, s.stdout)
		default:
			opened, closeFile, err := zap.Open(path)
			if err != nil {
				problems = append(problems, err.Error())
				continue
			}
			file := logFile{newPatient(opened, s.notice), closeFile}
			s.files = append(s.files, file)
			writers = append(writers, file)
		}
	}
	if problems != nil {
		return nil, fmt.Errorf("%s: cannot write there: %s", key, strings.Join(problems, ", "))
	}
	return zapcore.NewMultiWriteSyncer(writers...), nil
}

// close writes out what waits, for maxWait at most, and closes the files. A terminal and a pipe cannot be synced.
func (s *sinks) close() {
	var all sync.WaitGroup
	for _, stream := range []*patient{s.stderr, s.stdout} {
		if stream != nil {
			all.Go(func() { _ = stream.Sync() })
		}
	}
	for _, file := range s.files {
		all.Go(func() {
			_ = file.Sync()
			file.close()
		})
	}
	all.Wait()
}

func isStderr(path string) bool { return streams[streamPath(path)] == stderrName }

// streamPath takes off what zap.Open would take off.
func streamPath(path string) string {
	path = strings.TrimPrefix(strings.TrimPrefix(path, "file://localhost"), "file://")
	return filepath.Clean(path)
}
