package main

import (
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"go.uber.org/zap"
)

// memoryShare is how much of the memory that the cgroup allows the daemon may fill before the garbage
// collector works harder: the rest is for what is not on its heap.
const memoryShare = 0.9

// gcPercent has the collector run half as often as Go does by default. The daemon's heap is small, and
// rubbish is made in bursts, when many checks are due at once; the soft limit bounds what that costs.
const gcPercent = 200

// limitMemory sets the soft memory limit from the cgroup's, and how often the collector runs. GOMEMLIMIT and
// GOGC in the environment win.
func limitMemory(log *zap.Logger) { limitMemoryTo(memlimit.FromCgroup, log) }

func limitMemoryTo(allowed memlimit.Provider, log *zap.Logger) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	limit, err := memlimit.SetGoMemLimitWithOpts(
		memlimit.WithRatio(memoryShare),
		memlimit.WithProvider(allowed),
		memlimit.WithLogger(slog.New(slog.DiscardHandler)),
	)
	switch {
	case err != nil: // no cgroup, or none with a limit
		log.Debug("no soft memory limit: " + err.Error())
	case limit > 0:
		log.Debug("soft memory limit", zap.Int64("bytes", limit))
	}
}
