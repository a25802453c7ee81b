package main

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// sizeFlag is a number of bytes, 1 or more.
type sizeFlag struct{ value *int64 }

var sizePattern = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]*)$`)

// sizeUnits are in bytes, by the unit in lower case.
var sizeUnits = map[string]float64{
	"": 1, "b": 1,
	"kb": 1e3, "mb": 1e6, "gb": 1e9,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30,
}

func (f sizeFlag) Set(s string) error {
	m := sizePattern.FindStringSubmatch(s)
	if m == nil {
		return fmt.Errorf("%q is not a size; write bytes (1048576) or a number with KB, KiB, MB, MiB, GB or GiB (20MiB)", s)
	}
	unit, ok := sizeUnits[strings.ToLower(m[2])]
	if !ok {
		return fmt.Errorf("%q: the unit %q is not known; it is KB, KiB, MB, MiB, GB or GiB", s, m[2])
	}
	n, err := strconv.ParseFloat(m[1], 64)
	bytes := math.Floor(n * unit)
	switch {
	case err != nil || bytes >= math.MaxInt64:
		return fmt.Errorf("%q is too large", s)
	case bytes < 1:
		return fmt.Errorf("%q is less than one byte", s)
	}
	*f.value = int64(bytes)
	return nil
}

func (f sizeFlag) String() string {
	if f.value == nil {
		return ""
	}
	return formatSize(*f.value)
}

// formatSize uses the largest binary unit that gives a whole number.
func formatSize(n int64) string {
	for _, u := range []struct {
		name  string
		bytes int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n > 0 && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}

func (sizeFlag) Type() string { return "size" }
