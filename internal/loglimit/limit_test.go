package loglimit

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A burst is logged, then so many lines a second; each line that is not is counted in one that is.
func TestLinesAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.InfoLevel)
		logger := zap.New(core).With(zap.String("check", "loud"))
		l := New()
		for range Burst + 1000 {
			l.Log(logger, zapcore.InfoLevel, "a line")
			l.Log(logger, zapcore.DebugLevel, "one that nobody wants counts for nothing")
		}
		if n := logs.FilterMessage("a line").Len(); n != Burst {
			t.Errorf("of the burst %d lines are logged, want %d", n, Burst)
		}
		time.Sleep(time.Second)
		for range 1000 {
			l.Log(logger, zapcore.InfoLevel, "a line")
		}
		if n := logs.FilterMessage("a line").Len(); n != Burst+PerSecond {
			t.Errorf("a second later %d lines are logged, want %d", n, Burst+PerSecond)
		}
		time.Sleep(tellEvery)
		synctest.Wait()
		if told := logs.FilterField(zap.Uint64("left_out", 1000+1000-PerSecond)).FilterField(zap.String("check", "loud")); told.Len() != 1 {
			t.Errorf("the log tells %v", logs.All()[Burst+PerSecond:])
		}
		l.Log(logger, zapcore.InfoLevel, "the last line")
		l.Tell() // nothing
		time.Sleep(time.Hour)
		synctest.Wait()
		if all := logs.All(); all[len(all)-1].Message != "the last line" {
			t.Errorf("the log ends with %v", all[len(all)-1])
		}
	})
}

// Long lines count as many, and say that they were cut.
func TestLongLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.InfoLevel)
		l := New()
		long := strings.Repeat("x", MaxText+5)
		for range 1000 {
			l.Log(zap.New(core), zapcore.InfoLevel, long, zap.String("more", long), zap.Int("n", 1))
		}
		l.Tell()
		all := logs.All()
		if want := Burst/33 + 1; len(all) != want {
			t.Errorf("%d lines are logged, want %d", len(all), want)
		}
		want := strings.Repeat("x", MaxText) + "... (5 more bytes)"
		if all[0].Message != want || all[0].ContextMap()["more"] != want {
			t.Errorf("the line is logged as ...%q, %v", all[0].Message[MaxText-5:], all[0].Context)
		}
		if last := all[len(all)-1]; last.Message != "985 lines left out of the log: more than 50 a second were written" {
			t.Errorf("the log ends with %q", last.Message)
		}
	})
}

// Without a limit a line is cut all the same.
func TestNoLimit(t *testing.T) {
	core, logs := observer.New(zapcore.InfoLevel)
	var none *Limit
	for range 2 * Burst {
		none.Log(zap.New(core), zapcore.InfoLevel, strings.Repeat("x", MaxText+1))
	}
	if all := logs.All(); len(all) != 2*Burst || !strings.HasSuffix(all[0].Message, "x... (1 more bytes)") {
		t.Errorf("%d lines are logged", len(all))
	}
}
