package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"dumbprobe/internal/output"
)

// addressFlag collects destinations, each once.
type addressFlag struct{ value *[]output.Address }

func (f addressFlag) Set(s string) error {
	a, err := output.ParseAddress(s)
	if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "destination ")) // the flag's name says so
	}
	same := func(other output.Address) bool { return other.Name() == a.Name() }
	if slices.ContainsFunc(*f.value, same) {
		return fmt.Errorf("%q is given twice", a.Name())
	}
	*f.value = append(*f.value, a)
	return nil
}

func (f addressFlag) String() string {
	if f.value == nil {
		return ""
	}
	var all []string
	for _, a := range *f.value {
		all = append(all, a.String())
	}
	return strings.Join(all, " ")
}

func (addressFlag) Type() string { return "address" }
