package main

import (
	"fmt"
	"strconv"
)

// countFlag is a whole number within bounds.
type countFlag struct {
	value    *uint64
	min, max uint64
}

func (f countFlag) Set(s string) error {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n < f.min || n > f.max {
		return fmt.Errorf("%q is not a whole number from %d to %d", s, f.min, f.max)
	}
	*f.value = n
	return nil
}

func (f countFlag) String() string {
	if f.value == nil {
		return ""
	}
	return strconv.FormatUint(*f.value, 10)
}

func (countFlag) Type() string { return "number" }
