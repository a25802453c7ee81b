package output

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// headerOptions say what is sent beside the lines. What may be secret is in files: an address is seen by everyone.
var headerOptions = []option{
	{name: "token_file", value: "PATH", login: true, doc: "file with a bearer token, sent as Authorization; read for each request, so it can be renewed at any time"},
	{name: "login_file", value: "PATH", login: true, doc: "file with USER:PASSWORD, sent as Authorization (basic); read for each request"},
	{name: "headers_file", value: "PATH", login: true, doc: "file with further headers, each on a line of its own as Name: value; read for each request"},
}

// ownHeaders are those that belong to the daemon.
var ownHeaders = []string{
	"Connection", "Content-Encoding", "Content-Length", "Content-Type", "Expect", "Host", "Idempotency-Key", "Keep-Alive",
	"Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// authorized says whether an address has credentials.
func authorized(a Address) bool {
	return a.option("token_file", "")+a.option("login_file", "")+a.option("headers_file", "") != ""
}

// readHeaders reads the files of headerOptions. No error shows what is in them.
func readHeaders(a Address) (http.Header, error) {
	h := http.Header{}
	if path, ok := a.Options["headers_file"]; ok {
		text, err := readSmallFile(path, maxSecretFile)
		if err == nil {
			err = parseHeaders(h, text)
		}
		if err != nil {
			return nil, fmt.Errorf("option headers_file: %w", err)
		}
	}
	token, login := a.option("token_file", ""), a.option("login_file", "")
	switch {
	case token != "" && login != "":
		return nil, errors.New("either the option token_file or the option login_file: a request has one Authorization")
	case (token != "" || login != "") && h.Get("Authorization") != "":
		return nil, errors.New("option headers_file: Authorization is there already, by the option token_file or login_file")
	case token != "":
		text, err := readSecret(token)
		if err != nil {
			return nil, fmt.Errorf("option token_file: %w", err)
		}
		h.Set("Authorization", "Bearer "+text)
	case login != "":
		text, err := readSecret(login)
		if err != nil {
			return nil, fmt.Errorf("option login_file: %w", err)
		}
		if !strings.Contains(text, ":") {
			return nil, fmt.Errorf("option login_file: %s has no colon; it is written USER:PASSWORD", login)
		}
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(text)))
	}
	return h, nil
}

// parseHeaders adds the headers of text, one a line, to h. Lines that are empty or begin with # are left out.
func parseHeaders(h http.Header, text []byte) error {
	number := 0
	for line := range bytes.Lines(text) {
		number++
		line := strings.TrimSpace(string(line))
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch {
		case !ok || !validName(name):
			return fmt.Errorf("line %d is not a header; it is written Name: value", number)
		case !validValue(value):
			return fmt.Errorf("line %d: the value of %s has a control character", number, name)
		case slices.Contains(ownHeaders, http.CanonicalHeaderKey(name)):
			return fmt.Errorf("line %d: %s is set by the daemon", number, name)
		}
		h.Add(name, value)
	}
	return nil
}

// validName says whether s is a token of RFC 9110, section 5.6.2.
func validName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

func validValue(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}
