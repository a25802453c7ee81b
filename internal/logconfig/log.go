package logconfig

import (
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
type Log struct {
	*zap.Logger
	OnStderr bool // lines go to stderr, perhaps among other sinks
	close    func()
}

// Close writes out what waits and closes the files of the log.
func (l *Log) Close() {
	_ = l.Sync() // a terminal and a pipe cannot be synced
	l.close()
}

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
	lines, err := openSinks("outputPaths", cfg.OutputPaths, o)
	if err != nil {
		return nil, err
	}
	internal, err := openSinks("errorOutputPaths", cfg.ErrorOutputPaths, o)
	if err != nil {
		lines.close()
		return nil, err
	}
	core := zapcore.NewCore(encoders[cfg.Encoding](cfg.EncoderConfig), lines, cfg.Level)
	return &Log{
		Logger:   zap.New(core, loggerOptions(cfg, internal)...),
		OnStderr: lines.stderr,
		close: func() {
			lines.close()
			internal.close()
		},
	}, nil
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
	for _, key := range slices.Sorted(maps.Keys(cfg.InitialFields)) {
		options = append(options, zap.Fields(zap.Any(key, cfg.InitialFields[key])))
	}
	return options
}
