// Package loglimit bounds what scripts, and the commands that they run, write to the log: how many lines, and how
// long each is. What is left out is counted, and told.
package loglimit

import (
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/time/rate"
)

const (
	// PerSecond is how many lines of one source are logged in a second, over a long time. A line counts once for
	// each KiB that it has begun, so that it bounds the bytes, too.
	PerSecond = 50
	// Burst is how many lines may come at once.
	Burst = 500
	// MaxText is how many bytes of a line, and of each of its fields, are logged.
	MaxText = 16 << 10

	tellEvery = 10 * time.Second // between two lines that say how many were left out
)

// Limit is that of one source of lines. A nil *Limit logs all lines, but cuts them. It may be used by several
// goroutines at once.
type Limit struct {
	rate *rate.Limiter

	mu     sync.Mutex // protects following fields
	left   uint64     // lines left out and not told of
	logger *zap.Logger
	timer  *time.Timer // nil: nothing was left out
}

// New is a limit for a source that has not written anything yet.
func New() *Limit { return &Limit{rate: rate.NewLimiter(PerSecond, Burst)} }

// Log logs a line, or leaves it out.
func (l *Limit) Log(logger *zap.Logger, level zapcore.Level, text string, fields ...zap.Field) {
	if !logger.Core().Enabled(level) {
		return
	}
	size := len(text)
	text = Cut(text)
	kept := min(size, MaxText)
	for i := range fields {
		if f := &fields[i]; f.Type == zapcore.StringType {
			kept += min(len(f.String), MaxText)
			f.String = Cut(f.String)
		}
	}
	if l != nil && !l.rate.AllowN(time.Now(), min(1+kept>>10, Burst)) {
		l.leaveOut(logger)
		return
	}
	if entry := logger.Check(level, text); entry != nil {
		entry.Write(fields...)
	}
}

func (l *Limit) leaveOut(logger *zap.Logger) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left++
	l.logger = logger
	if l.timer == nil {
		l.timer = time.AfterFunc(tellEvery, l.Tell)
	}
}

// Tell logs how many lines were left out since it was told last, if any were. It is called every ten seconds while
// lines are left out; who gives up a limit calls it for the rest.
func (l *Limit) Tell() {
	l.mu.Lock()
	left, logger := l.left, l.logger
	l.left, l.logger = 0, nil
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	l.mu.Unlock()
	if left > 0 {
		logger.Warn(fmt.Sprintf("%d lines left out of the log: more than %d a second were written", left, PerSecond),
			zap.Uint64("left_out", left))
	}
}

// Cut is a text as it is logged: its end is left out where it is too long, and says so.
func Cut(text string) string {
	if len(text) <= MaxText {
		return text
	}
	return fmt.Sprintf("%s... (%d more bytes)", text[:MaxText], len(text)-MaxText)
}
