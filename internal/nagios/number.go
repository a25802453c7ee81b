package nagios

import (
	"errors"
	"strconv"
	"strings"
)

var (
	errNotNumber  = errors.New("not a number")
	errOutOfRange = errors.New("out of the range of a float64")
)

// cutNumber reads the number at the start of s and gives what follows it: an
// optional sign, digits with a decimal point or comma, an optional exponent.
// A comma is never a separator of thousands.
func cutNumber(s string) (f float64, rest string, err error) {
	end, comma, digits := 0, -1, 0
	if end < len(s) && (s[end] == '+' || s[end] == '-') {
		end++
	}
	for separator := false; end < len(s); end++ {
		c := s[end]
		if '0' <= c && c <= '9' {
			digits++
			continue
		}
		if separator || c != '.' && c != ',' {
			break
		}
		separator = true
		if c == ',' {
			comma = end
		}
	}
	if digits == 0 {
		return 0, s, errNotNumber
	}
	end += exponent(s[end:])
	spelled := s[:end]
	if comma >= 0 {
		spelled = s[:comma] + "." + s[comma+1:end]
	}
	f, err = strconv.ParseFloat(spelled, 64)
	if err != nil {
		return 0, s, errOutOfRange // the spelling is right, so it is the size
	}
	return f, s[end:], nil
}

// exponent gives the length of the exponent at the start of s: 0 when there is
// none, as in the exabytes of 5EB.
func exponent(s string) int {
	if s == "" || s[0] != 'e' && s[0] != 'E' {
		return 0
	}
	i := 1
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		i++
	}
	first := i
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	if i == first {
		return 0
	}
	return i
}

// number reads s, all of it, as a number.
func number(s string) (float64, error) {
	f, rest, err := cutNumber(s)
	if err == nil && rest != "" {
		return 0, errNotNumber
	}
	return f, err
}

// validUnit tells whether s can be a unit: anything without digits, quotes and
// semicolons (and without the white space that ends an item).
func validUnit(s string) bool {
	return !strings.ContainsAny(s, `0123456789'";`)
}
