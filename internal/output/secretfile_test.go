package output

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What an option names is read again for each connection: what is there then may be no file, or have no end.
func TestFilesOfOptionsAreReadWithinBounds(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "fifo")
	must(t, syscall.Mkfifo(fifo, 0o600))
	pair := newAuthority(t).issue(t, "127.0.0.1")
	large := secretFile(t, strings.Repeat("x", maxAuthoritiesFile+1))
	for _, tt := range []struct{ option, address, beside string }{
		{"ca", "tls:127.0.0.1:1", ""},
		{"cert", "tls:127.0.0.1:1", "&key=" + pair.keyPath},
		{"key", "tls:127.0.0.1:1", "&cert=" + pair.certPath},
		{"creds", "nats:127.0.0.1:1", ""},
		{"password_file", "nats:127.0.0.1:1", "&user=u"},
		{"shared_key_file", "fluent:127.0.0.1:1", ""},
		{"token_file", "http://127.0.0.1:1", ""},
		{"headers_file", "otlp://127.0.0.1:1", ""},
	} {
		for path, want := range map[string]string{
			fifo:        "is not a regular file",
			"/dev/zero": "is not a regular file",
			large:       "is larger than ",
		} {
			a := address(t, tt.address+"?"+tt.option+"="+path+tt.beside)
			_, err := kinds[a.Scheme].open(opening{Address: a})
			if err == nil || !strings.Contains(err.Error(), "option "+tt.option+": "+path+" "+want) {
				t.Errorf("%s of %s: %v", tt.option, path, err)
			}
		}
	}
}
