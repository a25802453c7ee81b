package output

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.uber.org/zap"

	"dumbprobe/internal/spool"
)

// spoolFolder is the name of the folder for a destination: readable, and other than that of any other destination.
func spoolFolder(name string) string {
	readable := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_':
			return r
		}
		return '-'
	}, name)
	sum := sha256.Sum256([]byte(name))
	return strings.TrimLeft(readable[:min(len(readable), 80)], ".-") + "-" + hex.EncodeToString(sum[:6])
}

// openSpool opens the spool of a destination.
func openSpool(o Options, name string) spool.Spool {
	if o.SpoolDir == "" {
		return spool.NewMemory(o.SpoolBytes)
	}
	log := o.Logger.With(zap.String("destination", name))
	path := filepath.Join(o.SpoolDir, spoolFolder(name))
	d, err := spool.OpenDisk(spool.Options{
		Path: path, Destination: name, MaxBytes: o.SpoolBytes, SyncEvery: o.SpoolSync,
		Notify: func(n spool.Notice) { logNotice(log, path, n) },
	})
	if err != nil {
		log.Error("the spool cannot be used: what waits for this destination is in memory only, until a start at which it can",
			zap.String("spool", path), zap.Error(err))
		return spool.NewMemory(o.SpoolBytes)
	}
	if n := d.Restored(); n > 0 {
		log.Info("lines of an earlier start wait in the spool", zap.Int("lines", n), zap.String("spool", path))
	}
	return d
}

func logNotice(log *zap.Logger, path string, n spool.Notice) {
	fields := []zap.Field{zap.String("spool", path)}
	if n.Lines > 0 {
		fields = append(fields, zap.Uint64("lines", n.Lines))
	}
	if n.Err != nil {
		fields = append(fields, zap.Error(n.Err))
	}
	switch n.Kind {
	case spool.Failing:
		log.Error("the disk of the spool fails; it is tried again", fields...)
	case spool.Slow:
		log.Warn("the disk of the spool is slow", fields...)
	case spool.Recovered:
		log.Info("the disk of the spool is well again", fields...)
	case spool.Damaged:
		log.Error("the spool is damaged", fields...)
	}
}

// tellForgotten logs what lies below the folder for destinations that there are no more.
func tellForgotten(o Options, names map[string]bool) {
	if o.SpoolDir == "" {
		return
	}
	entries, err := os.ReadDir(o.SpoolDir)
	if err != nil {
		return // openSpool has said so
	}
	used := map[string]bool{}
	for name := range names {
		used[spoolFolder(name)] = true
	}
	for _, e := range entries {
		if !e.IsDir() || used[e.Name()] {
			continue
		}
		path := filepath.Join(o.SpoolDir, e.Name())
		left, err := spool.Inspect(path)
		switch {
		case errors.Is(err, fs.ErrNotExist), err == nil && left.Lines == 0:
			// not a spool, or an empty one
		case errors.Is(err, spool.ErrLocked):
			o.Logger.Info("a folder of the spool is in use by another process", zap.String("spool", path))
		case err != nil:
			o.Logger.Warn("a folder of the spool belongs to no destination, and cannot be read", zap.String("spool", path), zap.Error(err))
		default:
			o.Logger.Warn("lines wait in the spool for a destination that is not given any more: give it again to have them delivered, or remove the folder",
				zap.String("destination", left.Destination), zap.String("spool", path), zap.Uint64("lines", left.Lines), zap.Int64("bytes", left.Bytes))
		}
	}
}
