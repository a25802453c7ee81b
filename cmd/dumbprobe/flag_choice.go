package main

import (
	"fmt"
	"slices"
	"strings"
)

// choiceFlag is one of a few words.
type choiceFlag struct {
	value *string
	of    []string
}

func (f choiceFlag) Set(s string) error {
	if !slices.Contains(f.of, s) {
		last := len(f.of) - 1
		return fmt.Errorf("%q is not %s or %s%s", s, strings.Join(f.of[:last], ", "), f.of[last], didYouMean(s, f.of))
	}
	*f.value = s
	return nil
}

func (f choiceFlag) String() string {
	if f.value == nil {
		return ""
	}
	return *f.value
}

func (f choiceFlag) Type() string { return strings.Join(f.of, "|") }
