package logconfig

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func BenchmarkLine(b *testing.B) {
	for _, name := range []string{os.DevNull, "file"} {
		b.Run(filepath.Base(name), func(b *testing.B) {
			path := name
			if name == "file" {
				path = filepath.Join(b.TempDir(), name)
			}
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			log, err := New(Options{Stderr: f})
			if err != nil {
				b.Fatal(err)
			}
			line := strings.Repeat("a", 150)
			b.ReportAllocs()
			for b.Loop() {
				log.Info(line)
			}
			log.Close()
		})
	}
}
