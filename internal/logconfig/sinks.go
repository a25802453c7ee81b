package logconfig

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

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

// sinks writes to all of a list of paths. It is safe for concurrent use.
type sinks struct {
	zapcore.WriteSyncer
	stderr bool // among them
	close  func()
}

// openSinks opens paths: standard streams, and what zap.Open takes (files, and URLs of schemes it knows).
func openSinks(key string, paths []string, o Options) (sinks, error) {
	var s sinks
	var writers []zapcore.WriteSyncer
	var files []string
	for _, path := range paths {
		switch streams[streamPath(path)] {
		case stderrName:
			s.stderr = true
			writers = append(writers, zapcore.AddSync(o.Stderr))
		case stdoutName:
			if o.Stdout == nil {
				return s, fmt.Errorf("%s: %q: %w", key, path, errStdout)
			}
			writers = append(writers, zapcore.AddSync(o.Stdout))
		default:
			files = append(files, path)
		}
	}
	opened, closeFiles, err := zap.Open(files...)
	if err != nil {
		return s, fmt.Errorf("%s: cannot write there: %s", key, strings.ReplaceAll(err.Error(), "; ", ", "))
	}
	if len(files) > 0 {
		writers = append(writers, opened)
	}
	s.WriteSyncer = zapcore.Lock(zapcore.NewMultiWriteSyncer(writers...))
	s.close = closeFiles
	return s, nil
}

// streamPath takes off what zap.Open would take off.
func streamPath(path string) string {
	path = strings.TrimPrefix(strings.TrimPrefix(path, "file://localhost"), "file://")
	return filepath.Clean(path)
}
