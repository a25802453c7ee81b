package output

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// maxSecretFile bounds the files of secrets, in bytes.
const maxSecretFile = 64 << 10

// readSecret reads a file of one line. No error shows what is in it.
func readSecret(path string) (string, error) {
	text, err := readSmallFile(path)
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

// readSmallFile reads a file that may not be larger than maxSecretFile. It does not wait for the other end of a FIFO.
func readSmallFile(path string) ([]byte, error) {
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
	text, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxSecretFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxSecretFile)
	}
	return text, nil
}
