package main

import (
	"testing"
	"time"
)

func TestDurationFlag(t *testing.T) {
	for _, tt := range []struct {
		text string
		want time.Duration
	}{
		{"60", time.Minute}, {"0.5", 500 * time.Millisecond}, {"90s", 90 * time.Second}, {"1m30s", 90 * time.Second},
		{"1e-3", time.Millisecond}, {"250ms", 250 * time.Millisecond}, {"0", 0}, {"0.1", 100 * time.Millisecond},
	} {
		var d time.Duration
		if err := (durationFlag{&d, true}).Set(tt.text); err != nil || d != tt.want {
			t.Errorf("%s: got %v, %v, want %v", tt.text, d, err, tt.want)
		}
	}
	d := 1500 * time.Millisecond
	if s := (durationFlag{value: &d}).String(); s != "1.5s" {
		t.Errorf("String gives %q", s)
	}
}

func TestSizeFlag(t *testing.T) {
	for _, tt := range []struct {
		text string
		want int64
		as   string
	}{
		{"1", 1, "1"}, {"1048576", 1 << 20, "1MiB"}, {"20MiB", 20 << 20, "20MiB"}, {"20 mib", 20 << 20, "20MiB"},
		{"1KB", 1000, "1000"}, {"1.5KiB", 1536, "1536"}, {"2GB", 2e9, "1953125KiB"}, {"3GiB", 3 << 30, "3GiB"},
		{"12B", 12, "12"}, {"64KiB", 64 << 10, "64KiB"}, {"5MB", 5e6, "5000000"},
	} {
		var n int64
		if err := (sizeFlag{&n}).Set(tt.text); err != nil || n != tt.want {
			t.Errorf("%s: got %d, %v, want %d", tt.text, n, err, tt.want)
		}
		if s := (sizeFlag{&n}).String(); s != tt.as {
			t.Errorf("%s: String gives %q, want %q", tt.text, s, tt.as)
		}
	}
	for _, text := range []string{"", "-1", "MiB", "1e3", "0x10", "1_000", "10 M iB", "9223372036854775808"} {
		var n int64
		if err := (sizeFlag{&n}).Set(text); err == nil {
			t.Errorf("%q is taken, as %d", text, n)
		}
	}
}
