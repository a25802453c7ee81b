// Profile takes the paths of the machine out of a CPU profile, so that it can be kept beside the code: make profile. It
// reads the profile from its standard input, as pprof writes it, and writes it to its standard output. It is a program for
// the Makefile; nothing imports it, and no binary contains it.
//
// The compiler takes what is called often from cmd/dumbprobe/default.pgo (go doc cmd/compile, "Profile Guided
// Optimization"), by the names of functions and the lines in them: files are of no use to it.
package main

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "profile:", err)
		os.Exit(1)
	}
}

// run copies the profile of in to out, without absolute paths.
func run(in io.Reader, out io.Writer) error {
	unpacked, err := gzip.NewReader(in)
	if err != nil {
		return fmt.Errorf("the profile is not what pprof writes: %w", err)
	}
	profile, err := io.ReadAll(unpacked)
	if err != nil {
		return err
	}
	if profile, err = withoutPaths(profile); err != nil {
		return err
	}
	packed := gzip.NewWriter(out)
	if _, err := packed.Write(profile); err != nil {
		return err
	}
	return packed.Close()
}

// stringTable is the field of pprof's Profile that has all texts of it (github.com/google/pprof, proto/profile.proto).
const stringTable = 6

// withoutPaths shortens each text of the profile that is an absolute path to the name of the file.
func withoutPaths(profile []byte) ([]byte, error) {
	var kept []byte
	for len(profile) > 0 {
		field, kind, size := protowire.ConsumeTag(profile)
		if size < 0 {
			return nil, protowire.ParseError(size)
		}
		value := protowire.ConsumeFieldValue(field, kind, profile[size:])
		if value < 0 {
			return nil, protowire.ParseError(value)
		}
		if field == stringTable {
			if kind != protowire.BytesType {
				return nil, errors.New("the profile's table of strings has something else in it")
			}
			text, _ := protowire.ConsumeString(profile[size:])
			if strings.HasPrefix(text, "/") {
				text = path.Base(text)
			}
			kept = protowire.AppendString(protowire.AppendTag(kept, field, kind), text)
		} else {
			kept = append(kept, profile[:size+value]...)
		}
		profile = profile[size+value:]
	}
	return kept, nil
}
