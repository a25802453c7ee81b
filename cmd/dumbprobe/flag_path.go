package main

import (
	"errors"
	"strings"
)

// pathsFlag collects paths, which may contain commas.
type pathsFlag struct{ value *[]string }

func (f pathsFlag) Set(s string) error {
	if s == "" {
		return errors.New("the path is empty")
	}
	*f.value = append(*f.value, s)
	return nil
}

func (f pathsFlag) String() string {
	if f.value == nil {
		return ""
	}
	return strings.Join(*f.value, " ")
}

func (pathsFlag) Type() string { return "path" }

// folderFlag is one folder.
type folderFlag struct{ value *string }

func (f folderFlag) Set(s string) error {
	if s == "" {
		return errors.New("the path is empty")
	}
	*f.value = s
	return nil
}

func (f folderFlag) String() string {
	if f.value == nil {
		return ""
	}
	return *f.value
}

func (folderFlag) Type() string { return "folder" }
