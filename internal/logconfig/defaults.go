package logconfig

import (
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// encoders are the encodings that a file can name.
var encoders = map[string]func(zapcore.EncoderConfig) zapcore.Encoder{
	"console": zapcore.NewConsoleEncoder,
	"json":    zapcore.NewJSONEncoder,
}

// defaultConfig is what holds where a file says nothing.
func defaultConfig(terminal bool) zap.Config {
	encoding := "json"
	if terminal {
		encoding = "console"
	}
	return zap.Config{
		Level:             zap.NewAtomicLevelAt(zapcore.InfoLevel),
		DisableCaller:     true, // lines of Go tell a user nothing
		DisableStacktrace: true,
		Encoding:          encoding,
		EncoderConfig:     encoderConfig(encoding),
		OutputPaths:       []string{stderrName},
		ErrorOutputPaths:  []string{stderrName},
	}
}

// encoderConfig is made for a person (console) or for a machine.
func encoderConfig(encoding string) zapcore.EncoderConfig {
	c := zapcore.EncoderConfig{
		TimeKey: "time", LevelKey: "level", MessageKey: "msg", NameKey: "logger",
		CallerKey: "caller", StacktraceKey: "stacktrace", FunctionKey: zapcore.OmitKey,
		LineEnding:     zapcore.DefaultLineEnding,
		EncodeTime:     zapcore.TimeEncoderOfLayout("2006-01-02T15:04:05.000Z07:00"),
		EncodeLevel:    zapcore.LowercaseLevelEncoder,
		EncodeDuration: zapcore.SecondsDurationEncoder,
		EncodeCaller:   zapcore.ShortCallerEncoder,
	}
	if encoding == "console" {
		c.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		c.EncodeLevel = zapcore.CapitalLevelEncoder
		c.EncodeDuration = zapcore.StringDurationEncoder
		c.ConsoleSeparator = "  "
	}
	return c
}
