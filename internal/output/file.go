package output

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// fileLookEvery is how often, at most, it is looked whether the path still names the open file.
	fileLookEvery = time.Second
	fileMode      = 0o640
	maxPath       = 4095 // PATH_MAX of Linux less the zero at its end, in bytes
)

var fileOptions = []option{
	{
		name: "mode", value: "0NNN", check: isFileMode,
		doc: "permissions of a file that is made, in octal, less the umask (0640)",
	},
	{
		name: "sync", value: "yes|no", check: yesOrNo,
		doc: "whether each batch is written to the disk itself before it counts as sent, so that a power cut loses nothing that did (no)",
	},
}

// file appends lines to a regular file, made for logrotate.
//
// The file is opened again when it was deleted, when the path names another one (looked at before a batch, once a
// second at most, so without a signal the lines of up to a second may still go to the renamed file), and when told
// to by Reopen. One that is truncated (copytruncate) is simply gone on with: each write appends. Folders are not
// made: one that is missing may be a file system that is not mounted.
//
// A write that ends short, as on a full disk, is cut back to its last whole line. Where that cannot be, and
// where the file was found ending in the middle of a line, a newline comes before the next line: what another
// wrote is never cut.
type file struct {
	path   string
	mode   fs.FileMode
	sync   bool
	flush  func(*os.File) error // to the disk itself; tests have it fail
	f      *os.File
	looked time.Time // when the path was last seen to name f
	torn   bool      // f ends, or may end, in the middle of a line
	buf    []byte
}

func newFile(o opening) (Destination, error) {
	d := &file{path: o.Address.Path, mode: fileMode, sync: o.Address.yes("sync"), flush: (*os.File).Sync}
	if s := o.Address.option("mode", ""); s != "" {
		n, err := strconv.ParseUint(s, 8, 9)
		if err != nil {
			return nil, err
		}
		d.mode = fs.FileMode(n)
	}
	// What is wrong for good is said at the start; what may change, at each attempt.
	if info, err := os.Stat(d.path); err == nil {
		if err := isRegular(info); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func isFileMode(s string) error {
	if n, err := strconv.ParseUint(s, 8, 9); err != nil || n&0o200 == 0 {
		return errors.New("is not a mode as 0640, in octal and with the owner's right to write")
	}
	return nil
}

func isRegular(info fs.FileInfo) error {
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		return errors.New("it is a folder; a file's name is missing")
	default:
		return errors.New("it is not a regular file; to write to a pipe or a terminal, use the destination stdout and redirect it")
	}
}

// Connect opens the file, and makes it if need be.
func (d *file) Connect(context.Context) error {
	// Without O_NONBLOCK, the opening of a FIFO would wait for its reader; it is refused below.
	f, err := os.OpenFile(d.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|unix.O_NONBLOCK, d.mode)
	if errors.Is(err, unix.ENXIO) {
		err = fmt.Errorf("%w (a FIFO is not a regular file)", err)
	}
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		err = isRegular(info)
	}
	if err != nil {
		f.Close()
		return err
	}
	d.f, d.looked, d.torn = f, time.Now(), endsTorn(d.path, info)
	return nil
}

// endsTorn says whether the file at path, if it is the one that info is of, ends in the middle of a line: then
// whoever wrote it was killed, or its disk was full. One that cannot be read is taken to be whole.
func endsTorn(path string, info fs.FileInfo) bool {
	if info.Size() == 0 {
		return false
	}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	if now, err := f.Stat(); err != nil || !os.SameFile(info, now) {
		return false
	}
	var last [1]byte
	n, _ := f.ReadAt(last[:], info.Size()-1)
	return n == 1 && last[0] != '\n'
}

// Send implements Destination. It does not end with ctx while the kernel writes: a file is not waited for, but
// for one on a dead network file system.
func (d *file) Send(ctx context.Context, b Batch) (int, error) {
	if err := d.follow(ctx); err != nil {
		return 0, unsent(err)
	}
	if d.torn {
		if _, err := d.f.WriteString("\n"); err != nil {
			return 0, unsent(err)
		}
		d.torn = false
	}
	before, err := d.size()
	if err != nil {
		return 0, unsent(err)
	}
	d.buf = joinLines(d.buf, b.Lines)
	n, err := d.f.Write(d.buf)
	if err != nil {
		sent := wholeLines(b.Lines, n)
		d.cutBack(before, n, bytesOf(b.Lines[:sent]))
		return sent, unsent(err)
	}
	if d.sync {
		// After an error, the kernel may have forgotten what it could not write, and another sync would succeed:
		// so the file is opened anew, and the lines are written again.
		if err := d.flush(d.f); err != nil {
			return 0, err
		}
	}
	return len(b.Lines), nil
}

func (d *file) size() (int64, error) {
	info, err := d.f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// cutBack removes the end of a write of n bytes to a file of size before: all but the first keep of them.
func (d *file) cutBack(before int64, n, keep int) {
	if n == keep {
		return
	}
	// Where another process writes as well, or has truncated the file, what is at its end is not known.
	now, err := d.size()
	d.torn = err != nil || now != before+int64(n) || d.f.Truncate(before+int64(keep)) != nil
}

// follow opens the file again if the path does not name it any more. That the file was deleted is seen before each
// batch, since what is written to it is lost; that it was renamed, when it is time to look.
func (d *file) follow(ctx context.Context) error {
	open, err := d.f.Stat()
	if err != nil {
		return err
	}
	if st, ok := open.Sys().(*syscall.Stat_t); ok && st.Nlink == 0 {
		return d.Reopen(ctx)
	}
	if time.Since(d.looked) < fileLookEvery {
		return nil
	}
	if there, err := os.Stat(d.path); err != nil || !os.SameFile(open, there) {
		return d.Reopen(ctx)
	}
	d.looked = time.Now()
	return nil
}

// Reopen implements Reopener. Where the file cannot be opened, the old one stays open for Close.
func (d *file) Reopen(ctx context.Context) error {
	old := d.f
	if err := d.Connect(ctx); err != nil {
		return err
	}
	return old.Close()
}

// Close implements Destination. It closes what Connect or Reopen opened last.
func (d *file) Close() error { return d.f.Close() }

func parseFile(a *Address, path string) error {
	switch {
	case path == "":
		return fmt.Errorf("the path is missing; the form is %s:PATH", a.Scheme)
	case strings.HasPrefix(path, "//"):
		return fmt.Errorf("written without slashes of its own: %s:/%s", a.Scheme, strings.TrimLeft(path, "/"))
	case strings.HasSuffix(path, "/"):
		return fmt.Errorf("%q is a folder; a file's name is missing", path)
	case len(path) > maxPath:
		return fmt.Errorf("the path has %d bytes; at most %d are possible", len(path), maxPath)
	case strings.ContainsRune(path, 0):
		return errors.New("the path contains a zero byte")
	}
	a.Path = path
	return nil
}
