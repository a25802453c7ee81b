package spool

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// point is a place in the code right before a change of the disk, or between two of them. Tests kill the process there,
// or have the change fail; the binary has nothing but the names.
type point string

const (
	atFolderMake    point = "folder make"
	atLockCreate    point = "lock create"
	atIDCreate      point = "id create" // the file that says whose folder it is
	atIDWrite       point = "id write"
	atIDSync        point = "id sync"
	atIDRename      point = "id rename"
	atIDSynced      point = "id synced" // before the folder is
	atSegmentCreate point = "segment create"
	atSegmentWrite  point = "segment write"
	atSegmentCut    point = "segment cut" // back, after a write that failed
	atSegmentSync   point = "segment sync"
	atSegmentSynced point = "segment synced" // before the folder is
	atSegmentRead   point = "segment read"
	atSegmentUnlink point = "segment unlink"
	atSegmentGone   point = "segment gone" // after the unlink
	atCopyCreate    point = "copy create"  // of a segment that could not be synced
	atCopyWrite     point = "copy write"
	atCopySync      point = "copy sync"
	atCopyRename    point = "copy rename"
	atCopySynced    point = "copy synced"
	atCursorCreate  point = "cursor create"
	atCursorWrite   point = "cursor write"
	atCursorSync    point = "cursor sync"
	atCursorRename  point = "cursor rename"
	atCursorSynced  point = "cursor synced"  // before the folder is
	atCursorPatch   point = "cursor patch"   // written over the old one, as there is no room for another
	atCursorPatched point = "cursor patched" // before it is synced
	atNothing       point = ""               // a change that costs nothing if it is not done
)

// hook is asked before each change. It says how many of the n bytes of a write are to be written, and why the rest is
// not. Nil outside of tests.
type hook func(p point, n int) (int, error)

func (h hook) at(p point) error {
	if h == nil || p == atNothing {
		return nil
	}
	_, err := h(p, 0)
	return err
}

var errIrregular = errors.New("it is no regular file")

// kernel has what was written come to the disk itself. Tests put a model of a disk in its place that loses the rest.
type kernel struct {
	fdatasync func(fd int) error // of files
	fsync     func(fd int) error // of folders
}

var realKernel = kernel{fdatasync: unix.Fdatasync, fsync: unix.Fsync}

// folder is that of one destination. Nothing in it is reached through a link, and nothing but regular files is opened.
type folder struct {
	path string
	dir  *os.File
	hook hook
	kernel
}

// openFolder opens a folder that is there.
func openFolder(path string, h hook, k kernel) (*folder, error) {
	fd, err := open(unix.AT_FDCWD, path, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return &folder{path: path, dir: os.NewFile(uintptr(fd), path), hook: h, kernel: k}, nil
}

func open(dir int, name string, flags int) (fd int, err error) {
	for {
		// A FIFO that lies there would block without O_NONBLOCK.
		fd, err = unix.Openat(dir, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK, 0o600)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

func (f *folder) open(name string, flags int) (*os.File, error) {
	fd, err := open(int(f.dir.Fd()), name, flags)
	if err != nil {
		return nil, f.errorOf("open", name, err)
	}
	file := os.NewFile(uintptr(fd), filepath.Join(f.path, name))
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		file.Close()
		if err == nil {
			err = errIrregular
		}
		return nil, f.errorOf("open", name, err)
	}
	return file, nil
}

func (f *folder) errorOf(op, name string, err error) error {
	return &os.PathError{Op: op, Path: filepath.Join(f.path, name), Err: err}
}

// create makes a file that is not there yet.
func (f *folder) create(p point, name string) (*os.File, error) {
	if err := f.hook.at(p); err != nil {
		return nil, f.errorOf("create", name, err)
	}
	return f.open(name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL)
}

// write writes b at off, and says how much of it.
func (f *folder) write(p point, file *os.File, b []byte, off int64) (n int, err error) {
	if f.hook == nil {
		return file.WriteAt(b, off)
	}
	allowed, failure := f.hook(p, len(b))
	if failure == nil {
		return file.WriteAt(b, off)
	}
	if n, err = file.WriteAt(b[:min(allowed, len(b))], off); err != nil {
		return n, err
	}
	return n, &os.PathError{Op: "write", Path: file.Name(), Err: failure}
}

func (f *folder) truncate(p point, file *os.File, size int64) error {
	if err := f.hook.at(p); err != nil {
		return &os.PathError{Op: "truncate", Path: file.Name(), Err: err}
	}
	return file.Truncate(size)
}

// sync has the data of a file written. After an error the same descriptor must not be asked again: it may say that
// all is well.
func (f *folder) sync(p point, file *os.File) error {
	if err := f.hook.at(p); err != nil {
		return &os.PathError{Op: "sync", Path: file.Name(), Err: err}
	}
	for {
		err := f.fdatasync(int(file.Fd()))
		if err == nil || err == unix.EINVAL {
			return nil // or a file system that has nothing to sync
		}
		if err != unix.EINTR {
			return &os.PathError{Op: "sync", Path: file.Name(), Err: err}
		}
	}
}

func (f *folder) rename(p point, from, to string) error {
	if err := f.hook.at(p); err != nil {
		return f.errorOf("rename", to, err)
	}
	if err := unix.Renameat(int(f.dir.Fd()), from, int(f.dir.Fd()), to); err != nil {
		return f.errorOf("rename", to, err)
	}
	return nil
}

func (f *folder) unlink(p point, name string) error {
	if err := f.hook.at(p); err != nil {
		return f.errorOf("unlink", name, err)
	}
	if err := unix.Unlinkat(int(f.dir.Fd()), name, 0); err != nil && err != unix.ENOENT {
		return f.errorOf("unlink", name, err)
	}
	return nil
}

// syncFolder has the names of the files written.
func (f *folder) syncFolder(p point) error {
	if err := f.hook.at(p); err != nil {
		return &os.PathError{Op: "sync", Path: f.path, Err: err}
	}
	for {
		err := f.fsync(int(f.dir.Fd()))
		if err == nil || err == unix.EINVAL {
			return nil
		}
		if err != unix.EINTR {
			return &os.PathError{Op: "sync", Path: f.path, Err: err}
		}
	}
}

// patch writes content over a file that is there and has the same length. A crash may leave it damaged.
func (f *folder) patch(name string, content []byte) error {
	file, err := f.open(name, unix.O_WRONLY)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := f.write(atCursorPatch, file, content, 0); err != nil {
		return err
	}
	return f.sync(atCursorPatched, file)
}

// hooked is a file whose reads tests can have fail.
type hooked struct {
	file *os.File
	hook hook
}

func (h hooked) ReadAt(b []byte, off int64) (int, error) {
	if err := h.hook.at(atSegmentRead); err != nil {
		return 0, err
	}
	return h.file.ReadAt(b, off)
}

// replacePoints are those of the steps of replace.
type replacePoints struct{ create, write, sync, rename, synced point }

// replace puts a file with this content in the place of the one of that name, or leaves that one as it is.
func (f *folder) replace(p replacePoints, name string, content []byte) error {
	temp := name + tempSuffix
	if err := f.unlink(atNothing, temp); err != nil {
		return err
	}
	file, err := f.create(p.create, temp)
	if err != nil {
		return err
	}
	_, err = f.write(p.write, file, content, 0)
	if err == nil {
		err = f.sync(p.sync, file)
	}
	file.Close()
	if err == nil {
		err = f.rename(p.rename, temp, name)
	}
	if err != nil {
		_ = f.unlink(atNothing, temp) // leave the room to others
		return err
	}
	return f.syncFolder(p.synced)
}

// read returns a file, but of one that is longer than limit the first limit+1 bytes.
func (f *folder) read(name string, limit int64) ([]byte, error) {
	file, err := f.open(name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, limit+1))
}

func (f *folder) isFolder(name string) bool {
	var st unix.Stat_t
	err := unix.Fstatat(int(f.dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW)
	return err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR
}

// names lists the folder.
func (f *folder) names() ([]string, error) {
	fd, err := open(int(f.dir.Fd()), ".", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, f.errorOf("open", "", err)
	}
	dir := os.NewFile(uintptr(fd), f.path)
	defer dir.Close()
	return dir.Readdirnames(-1)
}

func (f *folder) close() { f.dir.Close() }
