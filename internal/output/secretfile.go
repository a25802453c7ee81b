package output

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// What the files of options may have, in bytes.
const (
	maxSecretFile      = 64 << 10 // a secret, headers, credentials, a certificate or its key
	maxAuthoritiesFile = 4 << 20  // the bundle of a system has a quarter of a MiB
)

// readSecret reads a file of one line. No error shows what is in it.
func readSecret(path string) (string, error) {
	text, err := readSmallFile(path, maxSecretFile)
	if err != nil {
		return "", err
	}
	line := strings.TrimRight(string(text), "\r\n")
	switch {
	case line == "":
		return "", fmt.Errorf("%s is empty", path)
	case !validValue(line):
		return "", fmt.Errorf("%s has more than one line, or a control character", path)
	}
	return line, nil
}

// readSmallFile reads a file that has at most limit bytes. It does not wait for the other end of a FIFO.
func readSmallFile(path string, limit int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return text, nil
}
