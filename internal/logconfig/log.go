package logconfig

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Options say where the log goes and what is in it.
type Options struct {
	File   string         // of zap's Config, YAML or JSON; "": none
	Level  *zapcore.Level // instead of the file's; nil: the file's, or info
	Stderr io.Writer
	// Stdout is where the sink "stdout" of the file writes. nil: messages go there, and the sink is refused.
	Stdout   io.Writer
	Terminal bool // stderr is a terminal
}

// Log is a logger with what must be known to end it.
//
// A log that takes no lines holds up whoever logs for some seconds at most, see patient.
type Log struct {
	*zap.Logger
	OnStderr bool      // lines go to stderr, perhaps among other sinks
	Stderr   io.Writer // for lines that are not of the log: as patient as the log is
	sinks    *sinks
}

// Close writes out what waits and closes the files of the log. It gives up after some seconds, see patient.
func (l *Log) Close() { l.sinks.close() }

// New makes the logger. Errors name the file, and the line or key in it; nothing is open then.
func New(o Options) (*Log, error) {
	cfg := defaultConfig(o.Terminal)
	if o.File != "" {
		if err := readConfig(o.File, &cfg); err != nil {
			return nil, fmt.Errorf("logging file %s: %w", o.File, err)
		}
	}
	if o.Level != nil {
		cfg.Level = zap.NewAtomicLevelAt(*o.Level)
	}
	log, err := build(cfg, o)
	if err != nil {
		return nil, fmt.Errorf("logging file %s: %w", o.File, err) // the default has no errors
	}
	return log, nil
}

// build is zap.Config.Build with the standard streams of o.
func build(cfg zap.Config, o Options) (*Log, error) {
	encoder := encoders[cfg.Encoding](cfg.EncoderConfig)
	for _, key := range slices.Sorted(maps.Keys(cfg.InitialFields)) {
		zap.Any(key, cfg.InitialFields[key]).AddTo(encoder)
	}
	s := newSinks(o, func(lost int) []byte { return leftOut(cfg.Level, encoder, lost) })
	lines, err := s.open("outputPaths", cfg.OutputPaths)
	if err != nil {
		s.close()
		return nil, err
	}
	internal, err := s.open("errorOutputPaths", cfg.ErrorOutputPaths)
	if err != nil {
		s.close()
		return nil, err
	}
	return &Log{
		Logger:   zap.New(zapcore.NewCore(encoder, lines, cfg.Level), loggerOptions(cfg, internal)...),
		OnStderr: slices.ContainsFunc(cfg.OutputPaths, isStderr),
		Stderr:   s.stderr,
		sinks:    s,
	}, nil
}

// leftOut is the line about lines that were left out.
func leftOut(enabled zapcore.LevelEnabler, encoder zapcore.Encoder, lost int) []byte {
	level := zapcore.WarnLevel
	if !enabled.Enabled(level) {
		level = zapcore.ErrorLevel
	}
	line, err := encoder.EncodeEntry(zapcore.Entry{
		Level: level, Time: time.Now(), Message: "lines were left out of the log, which took none for a while",
	}, []zap.Field{zap.Int("lines", lost)})
	if err != nil { // zap's encoders have none
		return nil
	}
	defer line.Free()
	return bytes.Clone(line.Bytes())
}

func loggerOptions(cfg zap.Config, internal zapcore.WriteSyncer) []zap.Option {
	options := []zap.Option{zap.ErrorOutput(internal), zap.WithCaller(!cfg.DisableCaller)}
	stacktraces := zapcore.ErrorLevel
	if cfg.Development {
		options = append(options, zap.Development())
		stacktraces = zapcore.WarnLevel
	}
	if !cfg.DisableStacktrace {
		options = append(options, zap.AddStacktrace(stacktraces))
	}
	if s := cfg.Sampling; s != nil {
		options = append(options, zap.WrapCore(func(core zapcore.Core) zapcore.Core {
			return zapcore.NewSamplerWithOptions(core, time.Second, s.Initial, s.Thereafter)
		}))
	}
	return options
}
