package output

import (
	"bytes"
	"math"
	"strconv"
)

// lineTime reads a time since 1970, in seconds, of up to 32 bits: to the nanosecond where it is written without an
// exponent, of which a float64 would lose the last digits.
func lineTime(literal []byte) (seconds, nanoseconds uint32, ok bool) {
	whole, fraction, _ := bytes.Cut(literal, []byte("."))
	if n, err := strconv.ParseUint(string(whole), 10, 32); err == nil {
		digits := [9]byte{'0', '0', '0', '0', '0', '0', '0', '0', '0'}
		copy(digits[:], fraction)
		if ns, err := strconv.ParseUint(string(digits[:]), 10, 32); err == nil && !bytes.ContainsAny(fraction, "eE") {
			return uint32(n), uint32(ns), true
		}
	}
	f, err := strconv.ParseFloat(string(literal), 64)
	if err != nil || f < 0 || f >= 1<<32 {
		return 0, 0, false
	}
	s, rest := math.Modf(f)
	return uint32(s), uint32(min(rest*1e9, 999_999_999)), true
}
