package message

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// maxExactInteger is the magnitude up to which every integer is a float64 of
// its own.
const maxExactInteger = 1 << 53

// AppendNumber appends f to dst as a JSON number and reports whether that is
// possible: JSON has no NaN and no infinities.
//
// Integers up to 2^53 in magnitude have neither fraction nor exponent, and -0
// is 0. Everything else has the fewest digits that read back as the same
// float64: with an exponent below 1e-6 and above 2^53 (where digits without
// one would claim to be exact), plain in between.
func AppendNumber(dst []byte, f float64) ([]byte, bool) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return dst, false
	}
	abs := math.Abs(f)
	if abs <= maxExactInteger && abs == math.Trunc(abs) {
		return strconv.AppendInt(dst, int64(f), 10), true
	}
	if abs < maxMicros {
		if micros := math.Round(abs * 1e6); micros/1e6 == abs {
			return appendMicros(dst, math.Signbit(f), uint64(micros)), true
		}
	}
	if abs >= 1e-6 && abs <= maxExactInteger {
		return strconv.AppendFloat(dst, f, 'f', -1, 64), true
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	return trimExponent(dst, start), true
}

// maxMicros is the magnitude below which two float64 are nearer to each other than a millionth: one of at most six
// decimals that reads back as f is the only one, and the shortest. Times to the microsecond are, up to the year 2106, and
// most of what is measured; strconv takes twice as long to find it.
const maxMicros = 1 << 32

// appendMicros appends a number of millionths that is no integer, without zeros at its end.
func appendMicros(dst []byte, negative bool, micros uint64) []byte {
	if negative {
		dst = append(dst, '-')
	}
	dst = strconv.AppendUint(dst, micros/1e6, 10)
	dst = append(dst, '.')
	fraction := micros % 1e6
	for place := uint64(1e5); fraction > 0; place /= 10 {
		dst = append(dst, byte('0'+fraction/place))
		fraction %= place
	}
	return dst
}

// trimExponent turns e+09 into e9 and e-09 into e-9 in the number that begins
// at start and that strconv wrote with an exponent.
func trimExponent(dst []byte, start int) []byte {
	read := start
	for dst[read] != 'e' {
		read++
	}
	read++
	write := read
	if dst[read] == '-' {
		write++
	}
	read++
	for dst[read] == '0' && read < len(dst)-1 {
		read++
	}
	return append(dst[:write], dst[read:]...)
}

// numberProblem names a number that AppendNumber refuses.
func numberProblem(f float64) string {
	what := "NaN"
	switch {
	case math.IsInf(f, 1):
		what = "+infinity"
	case math.IsInf(f, -1):
		what = "-infinity"
	}
	return what + " cannot be written as JSON"
}

const (
	hexDigits = "0123456789abcdef"

	stringProblem = "a string that is not valid UTF-8 cannot be written as JSON"
)

// AppendString appends s to dst as a JSON string and reports whether that is
// possible: s has to be valid UTF-8.
//
// Control characters, the quote and the backslash are escaped, and so are
// U+2028 and U+2029, which some readers take for the end of a line. <, > and &
// are left alone: nothing here ends up in HTML.
func AppendString(dst []byte, s string) ([]byte, bool) {
	start := len(dst)
	dst = append(dst, '"')
	copied := 0 // s[:copied] is in dst
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				continue
			}
			dst = append(dst, s[copied:i]...)
			dst = appendEscape(dst, c)
			i++
			copied = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			return dst[:start], false
		}
		if r == '\u2028' || r == '\u2029' {
			dst = append(dst, s[copied:i]...)
			dst = append(dst, '\\', 'u', '2', '0', '2', hexDigits[r&0xf])
			copied = i + size
		}
		i += size
	}
	dst = append(dst, s[copied:]...)
	return append(dst, '"'), true
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	default:
		return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
	}
}
