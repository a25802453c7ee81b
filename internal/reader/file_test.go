package reader

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	poll   = 5 * time.Millisecond
	vanish = 100 * time.Millisecond
)

func openFile(t testing.TB, spec FileSpec, o Options) Reader {
	t.Helper()
	spec.Poll, spec.Vanish = poll, vanish
	if spec.Follow && o.MaxQueue == 0 {
		spec.Vanish = long // a test that is about it says so
	}
	r, err := OpenFile(t.Context(), spec, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func rename(t testing.TB, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func TestFileIsReadToItsEnd(t *testing.T) {
	r := openFile(t, FileSpec{Path: temp(t, "a\r\nb\n\n12345678901\nlast")}, Options{MaxLine: 10})
	wantRecords(t, rest(t, r), "a", "b", "", "1234567890…", "last")
	if r.End() != nil || r.Stats().LongLines != 1 {
		t.Errorf("End %v, %+v", r.End(), r.Stats())
	}
	closesQuickly(t, r)
}

func TestFileFromEnd(t *testing.T) {
	for name, test := range map[string]struct {
		before string
		want   string
	}{
		"empty":         {"", "more"},
		"whole lines":   {"old\n", "more"},
		"half a line":   {"old\nhalf ", "next"},
		"only one half": {"half", "next"},
	} {
		t.Run(name, func(t *testing.T) {
			path := temp(t, test.before)
			r := openFile(t, FileSpec{Path: path, Follow: true, FromEnd: true}, Options{})
			write(t, path, "more\nnext\n", os.O_APPEND)
			wantRecords(t, next(t, r, 1), test.want)
		})
	}
	r := openFile(t, FileSpec{Path: temp(t, "old\nhalf"), FromEnd: true}, Options{})
	wantRecords(t, rest(t, r))
}

func TestFollowReadsWhatIsAppended(t *testing.T) {
	path := temp(t, "a\nhal")
	r := openFile(t, FileSpec{Path: path, Follow: true}, Options{})
	wantRecords(t, next(t, r, 1), "a")
	write(t, path, "f\nb\n", os.O_APPEND)
	wantRecords(t, next(t, r, 2), "half", "b")
	write(t, path, "part", os.O_APPEND)
	closesQuickly(t, r)
	wantRecords(t, rest(t, r)) // what is not whole is not given
}

func TestFollowGoesOverToANewFile(t *testing.T) {
	path := temp(t, "a\n")
	r := openFile(t, FileSpec{Path: path, Follow: true}, Options{})
	wantRecords(t, next(t, r, 1), "a")
	for _, round := range []string{"1", "2", "3"} {
		old := path + round
		rename(t, path, old)
		write(t, old, "late"+round+"\nunended"+round, os.O_APPEND)
		write(t, path, "new"+round+"\n", os.O_CREATE|os.O_EXCL)
		wantRecords(t, next(t, r, 3), "late"+round, "unended"+round, "new"+round)
	}
	if got := r.Stats(); got.Rotations != 3 || got.Truncations != 0 {
		t.Errorf("stats %+v", got)
	}
}

// logrotate with "create": the new file is there before the writer is told to reopen.
func TestFollowReadsTheOldFileWhileItIsWrittenTo(t *testing.T) {
	path := temp(t, "a\n")
	r := openFile(t, FileSpec{Path: path, Follow: true}, Options{})
	wantRecords(t, next(t, r, 1), "a")
	rename(t, path, path+"1")
	write(t, path+"1", "to the old one\n", os.O_APPEND)
	write(t, path, "to the new one\n", os.O_CREATE)
	wantRecords(t, next(t, r, 2), "to the old one", "to the new one")
}

func TestFollowStartsAgainWhenTheFileIsCut(t *testing.T) {
	path := temp(t, "a\nb\nunended")
	r := openFile(t, FileSpec{Path: path, Follow: true}, Options{})
	wantRecords(t, next(t, r, 2), "a", "b")
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	wantRecords(t, next(t, r, 1), "unended")
	write(t, path, "c\n", os.O_APPEND)
	wantRecords(t, next(t, r, 1), "c")
	if got := r.Stats(); got.Truncations != 1 || got.Rotations != 0 {
		t.Errorf("stats %+v", got)
	}
}

func TestFollowEndsWhenTheFileVanishes(t *testing.T) {
	path := temp(t, "a\nunended")
	r, err := OpenFile(t.Context(), FileSpec{Path: path, Follow: true, Poll: poll, Vanish: vanish}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	wantRecords(t, next(t, r, 1), "a")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	wantRecords(t, rest(t, r), "unended")
	wantEnd(t, r, fs.ErrNotExist, "has been away")
}

func TestFollowSaysWhyItCannotReadTheNewFile(t *testing.T) {
	path := temp(t, "a\n")
	r, err := OpenFile(t.Context(), FileSpec{Path: path, Follow: true, Poll: poll, Vanish: vanish}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	rename(t, path, path+"1")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	wantRecords(t, rest(t, r), "a")
	wantEnd(t, r, syscall.EISDIR, "was replaced")
}

func TestOpenFileFails(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "socket")
	conn, err := net.ListenPacket("unixgram", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx  context.Context
		path string
		is   error
		says string
	}{
		"missing":      {t.Context(), dir + "/none", fs.ErrNotExist, dir + "/none"},
		"a folder":     {t.Context(), dir, syscall.EISDIR, dir},
		"a socket":     {t.Context(), socket, syscall.ENXIO, "is it a socket?"},
		"ended":        {ended, "/dev/null", context.Canceled, ""},
		"empty path":   {t.Context(), "", fs.ErrNotExist, ""},
		"not a folder": {t.Context(), socket + "/x", syscall.ENOTDIR, socket},
	} {
		for _, follow := range []bool{false, true} {
			_, err := OpenFile(test.ctx, FileSpec{Path: test.path, Follow: follow}, Options{})
			if !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%s: error %v, want %v and %q", name, err, test.is, test.says)
			}
		}
	}
}

func fifo(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFIFOBlocksNeitherOpenNorClose(t *testing.T) {
	for _, follow := range []bool{false, true} {
		path := fifo(t)
		closesQuickly(t, openFile(t, FileSpec{Path: path, Follow: follow}, Options{})) // nobody writes
		r := openFile(t, FileSpec{Path: path, Follow: follow}, Options{})
		writer, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		writer.WriteString("a\n")
		wantRecords(t, next(t, r, 1), "a")
		closesQuickly(t, r) // somebody writes, but not now
		writer.Close()
	}
}

func TestFIFOEndsWithItsLastWriter(t *testing.T) {
	path := fifo(t)
	r := openFile(t, FileSpec{Path: path}, Options{})
	write(t, path, "a\nb", 0)
	wantRecords(t, rest(t, r), "a", "b")
}

func TestFollowedFIFOOutlivesItsWriters(t *testing.T) {
	path := fifo(t)
	r := openFile(t, FileSpec{Path: path, Follow: true, FromEnd: true}, Options{})
	for _, line := range []string{"a", "b"} {
		write(t, path, line+"\n", 0)
		wantRecords(t, next(t, r, 1), line)
	}
}

func TestDevices(t *testing.T) {
	wantRecords(t, rest(t, openFile(t, FileSpec{Path: "/dev/null"}, Options{})))
	for _, path := range []string{"/dev/zero", "/dev/null"} {
		r := openFile(t, FileSpec{Path: path, Follow: true}, Options{})
		closesQuickly(t, r)
	}
}

func TestFullQueueStopsTheReadingOfAFile(t *testing.T) {
	path := temp(t, strings.Repeat("line\n", 5000))
	r := openFile(t, FileSpec{Path: path}, Options{MaxQueue: 7})
	waitFor(t, "the queue to fill", func() bool { return r.Stats().Waits > 0 })
	if got := r.Stats(); got.Queued != 7 || got.Records != 7 || got.QueuedBytes != 28 {
		t.Errorf("stats %+v", got)
	}
	if got := rest(t, r); len(got) != 5000 {
		t.Errorf("%d records", len(got))
	}
}
