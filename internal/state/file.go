package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// The files of the folder. The file of the records is written by bbolt, one transaction for each save, and as a whole
// at the start and after anything went wrong with it: then a new one takes the place of the old one.
const (
	fileName    = "state.db"
	newSuffix   = ".new"
	asideSuffix = ".damaged-" // and when it was found
	lockName    = "lock"
)

const (
	maxFileBytes = 1 << 30 // more than this is none of ours
	maxAside     = 5       // damaged files that are kept
	maxNamed     = 10      // checks that an error names
)

// file is the folder, and what is open in it.
type file struct {
	dir     string
	lock    *os.File    // held against other processes; nil: the disk does not let us
	bolt    *bolt.DB    // nil: to be written as a whole
	written fs.FileInfo // of the file that bolt has open, at the last look
}

func (f *file) path() string { return filepath.Join(f.dir, fileName) }

// openFile makes the folder, and takes it for this process.
func openFile(dir string, wait time.Duration) (*file, error) {
	f := &file{dir: dir}
	deadline := time.Now().Add(wait)
	for {
		err := f.hold()
		var busy *BusyError
		switch {
		case err == nil || mayPass(err): // the next save tries again, and is told of
			return f, nil
		case !errors.As(err, &busy) || !time.Now().Before(deadline):
			return nil, err
		}
		time.Sleep(20 * time.Millisecond) // flock has no wait with an end
	}
}

// mayPass tells whether an error is about the disk, and not about the folder that was chosen.
func mayPass(err error) bool {
	for _, e := range []error{unix.EROFS, unix.ENOSPC, unix.EDQUOT, unix.EIO, unix.ENFILE, unix.EMFILE} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// BusyError says that another process has the folder.
type BusyError struct {
	Dir     string
	Process string // its id, if it is known
}

func (e *BusyError) Error() string {
	who := "another process"
	if e.Process != "" {
		who = "process " + e.Process
	}
	return fmt.Sprintf("the folder %s of the state is in use by %s: each dumbprobe needs a folder of its own", e.Dir, who)
}

// hold makes sure that the folder is there and is ours.
func (f *file) hold() error {
	path := filepath.Join(f.dir, lockName)
	if f.lock != nil {
		ours, err := f.lock.Stat()
		if there, thereErr := os.Stat(path); err == nil && thereErr == nil && os.SameFile(ours, there) {
			return nil
		}
		f.lock.Close() // somebody has removed the folder, or the file
		f.lock = nil
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return fmt.Errorf("the folder of the state: %w", err)
	}
	lock, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, unix.EROFS) {
		lock, err = os.Open(path)
	}
	if err != nil {
		return fmt.Errorf("the folder of the state: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			id := make([]byte, 20)
			n, _ := lock.ReadAt(id, 0)
			return &BusyError{Dir: f.dir, Process: strings.TrimSpace(string(id[:n]))}
		}
		return fmt.Errorf("the folder %s of the state cannot be locked: %w", f.dir, err)
	}
	_ = lock.Truncate(0)
	_, _ = lock.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0) // for the other's error only
	f.lock = lock
	return nil
}

// read reads the records of the file. What is damaged is left out and told of; the file is put aside then. lost is
// how many records are damaged.
func (f *file) read() (records map[string]*record, lost int, problems []error) {
	records = map[string]*record{}
	data, err := readBounded(f.path())
	if errors.Is(err, fs.ErrNotExist) {
		return records, 0, nil
	}
	damaged := map[string]error{}
	if err == nil {
		err = readPages(data, func(key, value []byte) {
			name := string(key)
			if r, err := decodeRecord(name, string(value)); err != nil {
				damaged[name] = err
			} else {
				records[name] = r
			}
		})
	}
	if err != nil {
		return map[string]*record{}, 1, []error{fmt.Errorf("the state of all checks is lost: %s cannot be read: %w; %s", f.path(), err, f.setAside())}
	}
	if len(damaged) == 0 {
		return records, 0, nil
	}
	aside := f.setAside()
	for name, err := range damaged {
		if len(problems) == maxNamed {
			problems = append(problems, fmt.Errorf("so is that of %d more checks", len(damaged)-maxNamed))
			break
		}
		problems = append(problems, fmt.Errorf("the state of the check %q is damaged and lost: %w; %s", name, err, aside))
	}
	return records, len(damaged), problems
}

func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFileBytes {
		return nil, fmt.Errorf("it is no file of at most %d bytes", maxFileBytes)
	}
	return os.ReadFile(path)
}

// setAside keeps a damaged file for who wants to look at it, and says where. It has a second name then: its first one
// is that of the new file soon, and until then a crash loses nothing more.
func (f *file) setAside() string {
	to := f.path() + asideSuffix + time.Now().UTC().Format("20060102T150405.000000000Z")
	err := os.Link(f.path(), to)
	if err != nil {
		err = os.Rename(f.path(), to)
	}
	if err != nil {
		return fmt.Sprintf("the damaged file could not be put aside: %v", err)
	}
	old, _ := filepath.Glob(f.path() + asideSuffix + "*")
	slices.Sort(old) // by time
	for len(old) > maxAside {
		_ = os.Remove(old[0])
		old = old[1:]
	}
	return "the damaged file was put aside as " + to
}

func (f *file) isOpen() bool { return f.bolt != nil }

// save writes the records of the names: in one transaction, so that a crash leaves all or nothing of it.
func (f *file) save(names []string, encoded func(string) []byte, all func() []string) error {
	if f.bolt != nil && f.isThere() {
		err := guarded(func() error { return f.put(f.bolt, names, encoded) })
		if err == nil && f.isThere() {
			return nil
		}
		// After a write or a sync that failed nobody knows what is in the file, and a second sync may say that all
		// is well. The records are all in memory: a new file gets them.
		f.drop(err)
	}
	return f.rewrite(encoded, all)
}

// isThere tells whether the file is still the one that is open, and nobody has cut it short since the last look.
func (f *file) isThere() bool {
	info, err := os.Stat(f.path())
	if err != nil || !os.SameFile(info, f.written) || info.Size() < f.written.Size() {
		return false
	}
	f.written = info
	return true
}

func (f *file) put(db *bolt.DB, names []string, encoded func(string) []byte) error {
	return db.Update(func(tx *bolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists([]byte(bucketName))
		if err != nil {
			return err
		}
		for _, name := range names {
			if data := encoded(name); data != nil {
				err = bucket.Put([]byte(name), data)
			} else {
				err = bucket.Delete([]byte(name))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// rewrite puts a new file with all records in the place of the one that is there, if any.
func (f *file) rewrite(encoded func(string) []byte, all func() []string) error {
	f.drop(nil)
	if err := f.hold(); err != nil {
		return err
	}
	path := f.path() + newSuffix
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := guarded(func() (err error) {
		f.bolt, err = bolt.Open(path, 0o600, &bolt.Options{
			Timeout: time.Second, PageSize: pageSize, FreelistType: bolt.FreelistMapType,
			NoFreelistSync: true, // it is never opened again, see readPages
		})
		if err != nil {
			return err
		}
		return f.put(f.bolt, all(), encoded)
	})
	if err == nil {
		f.written, err = os.Stat(path)
	}
	if err == nil {
		err = os.Rename(path, f.path())
	}
	if err == nil {
		err = syncFolder(f.dir)
	}
	if err != nil {
		f.drop(err)
		_ = os.Remove(path) // leave the room to the others
	}
	return err
}

func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// drop closes the file of bolt, if it is open. After a panic it may hold its locks, and is left behind.
func (f *file) drop(why error) {
	var crash *crashError
	if f.bolt != nil && !errors.As(why, &crash) {
		_ = f.bolt.Close()
	}
	f.bolt = nil
}

func (f *file) close() {
	f.drop(nil)
	if f.lock != nil {
		f.lock.Close()
		f.lock = nil
	}
}

// crashError is a panic inside of bbolt.
type crashError struct{ value any }

func (e *crashError) Error() string { return fmt.Sprintf("bbolt panicked: %v", e.value) }

// guarded calls f, and makes an error of a panic. bbolt reads the file through a map of it: one that somebody cut
// short, or a disk that cannot be read, is a fault, and would end the process.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if crash := recover(); crash != nil {
			err = &crashError{value: crash}
		}
	}()
	return f()
}
