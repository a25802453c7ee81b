package luaapi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	lua "github.com/yuin/gopher-lua"
	"go.uber.org/zap/zapcore"
)

// fileObject is a file of the io library: a regular file, something that can block (a pipe, a device), a
// process, or the log.
type fileObject struct {
	name               string
	file               *countedFile
	in                 *bufio.Reader
	readable, writable bool
	blocks             bool // reading can wait for somebody else: the VM is released
	busy               bool // a run reads or writes it without the VM
	process            *popenProcess
	log                bool // writing goes to the log
	level              zapcore.Level
	standard           bool // stdin, stdout, stderr: never closed
	closed             bool
}

func (vm *VM) newFile(f *fileObject) *lua.LUserData {
	if vm.shared.fileMeta == nil {
		L := vm.state
		meta := L.CreateTable(0, 4)
		methods := L.CreateTable(0, 8)
		for name, call := range fileMethods {
			methods.RawSetString(name, vm.wrap(call))
		}
		meta.RawSetString("__index", methods)
		meta.RawSetString("__metatable", lua.LFalse)
		meta.RawSetString("__tostring", vm.wrap(func(vm *VM, L *lua.LState) int {
			f := checkObjectAt[*fileObject](L, 1)
			if f.closed {
				L.Push(lua.LString("file (closed)"))
			} else {
				L.Push(lua.LString("file (" + f.name + ")"))
			}
			return 1
		}))
		vm.shared.fileMeta = meta
	}
	return &lua.LUserData{Value: f, Metatable: vm.shared.fileMeta, Env: vm.state.Env}
}

var fileMethods = map[string]func(vm *VM, L *lua.LState) int{
	"close": fileClose, "flush": fileFlush, "lines": fileLines, "read": fileRead,
	"seek": fileSeek, "setvbuf": fileFlush, "write": fileWrite,
}

// openFile opens a file without waiting: a named pipe is opened at once, as if its other end were there.
func (vm *VM) openFile(path string, flags int) (*lua.LUserData, error) {
	if err := vm.files.enter(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	opened := false
	defer func() {
		if !opened {
			vm.files.open.Add(-1)
		}
	}()
	// What is there is cut off only when it is known not to be the message stream.
	file, err := os.OpenFile(path, flags&^os.O_TRUNC|syscall.O_NONBLOCK, 0o666)
	if err != nil {
		return nil, openError(path, err)
	}
	info, err := file.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = fmt.Errorf("%s: is a directory", path)
	case flags&(os.O_WRONLY|os.O_RDWR) != 0 && isMessageStream(info):
		err = fmt.Errorf("%s: this is the daemon's standard output, which is for messages; print and io.write go to the log", path)
	case flags&os.O_TRUNC != 0 && info.Mode().IsRegular():
		err = file.Truncate(0)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	access := flags & (os.O_RDONLY | os.O_WRONLY | os.O_RDWR)
	opened = true
	f := &fileObject{
		name: path, file: vm.files.hold(file),
		readable: access != os.O_WRONLY, writable: access != os.O_RDONLY,
		blocks: !info.Mode().IsRegular(),
	}
	return vm.newFile(f), nil
}

// isMessageStream tells whether a file is what the daemon's standard output is. Only /dev/null may be both.
func isMessageStream(info os.FileInfo) bool {
	var out syscall.Stat_t
	file, ok := info.Sys().(*syscall.Stat_t)
	if !ok || syscall.Fstat(1, &out) != nil {
		return false
	}
	const null = 1<<8 | 3 // the device number of /dev/null
	return file.Dev == out.Dev && file.Ino == out.Ino && out.Rdev != null
}

func openError(path string, err error) error {
	var perr *os.PathError
	if errors.As(err, &perr) {
		return fmt.Errorf("%s: %w", path, perr.Err)
	}
	return err
}

// reader is what reading goes through. It is interrupted by the end of the run.
func (f *fileObject) reader() *bufio.Reader {
	if f.in == nil {
		switch {
		case f.process != nil:
			f.in = bufio.NewReader(f.process.stdout())
		case f.file != nil:
			f.in = bufio.NewReader(f.file)
		default:
			f.in = bufio.NewReader(strings.NewReader(""))
		}
	}
	return f.in
}

// blocking calls work, which reads or writes the file, with the VM released if that can wait for somebody.
func (f *fileObject) blocking(L *lua.LState, work func() error) error {
	if !f.blocks {
		if over := interrupted(L); over != nil {
			return over
		}
		return work()
	}
	if f.busy {
		return errBusy
	}
	f.busy = true // for good when the run ends early: where in the file that was is not known
	defer func() {
		if !runOf(L).gone.Load() {
			f.busy = false
		}
	}()
	return runOf(L).Wait(func(ctx context.Context) error {
		if f.file != nil {
			_ = f.file.SetDeadline(time.Time{})
			stop := context.AfterFunc(ctx, func() { _ = f.file.SetDeadline(time.Unix(1, 0)) })
			defer stop()
		}
		err := work()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	})
}

// errBusy is the use of a file whose buffer another run uses at that time.
var errBusy = errors.New("another run is reading or writing it")

func checkOpen(L *lua.LState) *fileObject {
	f := checkObjectAt[*fileObject](L, 1)
	if f.closed {
		L.RaiseError("the file is closed")
	}
	return f
}

func fileRead(vm *VM, L *lua.LState) int {
	f := checkOpen(L)
	formats := []lua.LValue{}
	for i := 2; i <= L.GetTop(); i++ {
		formats = append(formats, L.Get(i))
	}
	if len(formats) == 0 {
		return f.read(vm, L, "*l")
	}
	for i, format := range formats {
		pushed := 0
		switch x := format.(type) {
		case lua.LNumber:
			pushed = f.readBytes(vm, L, int(x))
		case lua.LString:
			pushed = f.read(vm, L, string(x))
		default:
			L.RaiseError("bad argument #%d to read (a format or a number of bytes expected, not %s)", i+1, describe(x))
		}
		if pushed > 1 {
			return pushed // nil and why
		}
		if L.Get(-1) == lua.LNil {
			return i + 1
		}
	}
	return len(formats)
}

// read pushes what one format reads: nil at the end of the file.
func (f *fileObject) read(vm *VM, L *lua.LState, format string) int {
	format = strings.TrimPrefix(format, "*")
	if f.readable || f.standard && !f.log {
		if format == "" {
			L.RaiseError("bad argument to read (the format is *l, *n or *a)")
		}
		switch format[0] {
		case 'l', 'L':
			return f.readLine(vm, L, format[0] == 'L')
		case 'a':
			return f.readAll(vm, L)
		case 'n':
			return f.readNumber(vm, L)
		}
		L.RaiseError("bad argument to read (the format is *l, *n or *a, not %q)", format)
	}
	return failed(L, f.name+": it was not opened for reading")
}

// done pushes what was read, or raises what went wrong: the end of the run is no end of the file.
func (f *fileObject) done(L *lua.LState, s string, err error) int {
	if over := runOf(L).check(); over != nil {
		err = over
	}
	switch {
	case err == nil:
		L.Push(lua.LString(s))
	case errors.Is(err, io.EOF):
		L.Push(lua.LNil)
	default:
		var tooLong *tooLongError
		if errors.As(err, &tooLong) || errors.Is(err, errBusy) || runOf(L).ended != nil {
			L.RaiseError("%s: %s", f.name, err.Error())
		}
		return failed(L, openError(f.name, err).Error())
	}
	return 1
}

type tooLongError struct{ limit int }

func (e *tooLongError) Error() string {
	return fmt.Sprintf("there is more than %d bytes to read in one piece", e.limit)
}

func (f *fileObject) readLine(vm *VM, L *lua.LState, keepNewline bool) int {
	var line []byte
	err := f.blocking(L, func() error {
		for {
			piece, err := f.reader().ReadSlice('\n')
			if len(line)+len(piece) > vm.limits.StringBytes {
				return &tooLongError{vm.limits.StringBytes}
			}
			line = append(line, piece...)
			if !errors.Is(err, bufio.ErrBufferFull) {
				return err
			}
		}
	})
	if len(line) > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	s := string(line)
	if !keepNewline {
		s = strings.TrimSuffix(s, "\n")
	}
	return f.done(L, s, err)
}

func (f *fileObject) readAll(vm *VM, L *lua.LState) int {
	var all []byte
	err := f.blocking(L, func() (err error) {
		all, err = io.ReadAll(io.LimitReader(f.reader(), int64(vm.limits.StringBytes)+1))
		if len(all) > vm.limits.StringBytes {
			return &tooLongError{vm.limits.StringBytes}
		}
		return err
	})
	return f.done(L, string(all), err)
}

func (f *fileObject) readBytes(vm *VM, L *lua.LState, n int) int {
	if !f.readable {
		return failed(L, f.name+": it was not opened for reading")
	}
	if n < 0 || n > vm.limits.StringBytes {
		L.RaiseError("bad argument to read (a number of bytes from 0 to %d)", vm.limits.StringBytes)
	}
	var buf []byte
	err := f.blocking(L, func() error {
		if n == 0 {
			_, err := f.reader().Peek(1)
			return err
		}
		got, err := io.ReadAll(io.LimitReader(f.reader(), int64(n)))
		buf = got
		if err == nil && len(got) == 0 {
			err = io.EOF
		}
		return err
	})
	return f.done(L, string(buf), err)
}

// readNumber reads a number as Lua writes it, after white space; nil if there is none.
func (f *fileObject) readNumber(vm *VM, L *lua.LState) int {
	var text []byte
	err := f.blocking(L, func() error {
		in := f.reader()
		for {
			c, err := in.ReadByte()
			if err != nil {
				if len(text) > 0 && errors.Is(err, io.EOF) {
					return nil
				}
				return err
			}
			space := c == ' ' || c >= '\t' && c <= '\r'
			if space && len(text) == 0 {
				continue
			}
			if space || len(text) > 200 || !strings.ContainsRune("0123456789+-.eExXabcdfABCDF", rune(c)) {
				return in.UnreadByte()
			}
			text = append(text, c)
		}
	})
	if err == nil {
		n, ok := parseLuaNumber(string(text))
		if !ok {
			L.Push(lua.LNil)
			return 1
		}
		f.done(L, "", nil)
		L.Pop(1)
		L.Push(lua.LNumber(n))
		return 1
	}
	return f.done(L, "", err)
}

func fileWrite(vm *VM, L *lua.LState) int {
	f := checkOpen(L)
	for i := 2; i <= L.GetTop(); i++ {
		if !lua.LVCanConvToString(L.Get(i)) {
			L.RaiseError("bad argument #%d to write (a string or a number expected, not %s)", i-1, describe(L.Get(i)))
		}
		text := L.Get(i).String()
		if err := f.write(vm, L, text); err != nil {
			return failed(L, err.Error())
		}
	}
	L.Push(L.Get(1))
	return 1
}

func (f *fileObject) write(vm *VM, L *lua.LState, text string) error {
	switch {
	case f.log:
		runOf(L).write(text, f.level)
		return nil
	case f.process != nil && f.writable:
		return f.process.write(text, vm.limits.StringBytes)
	case !f.writable:
		return fmt.Errorf("%s: it was not opened for writing", f.name)
	}
	if f.in != nil && f.in.Buffered() > 0 { // reading was ahead of where the script is
		_, _ = f.file.Seek(-int64(f.in.Buffered()), io.SeekCurrent)
		f.in = nil
	}
	err := f.blocking(L, func() error {
		_, err := f.file.WriteString(text)
		return err
	})
	if over := runOf(L).check(); over != nil {
		L.RaiseError("%s: %s", f.name, over.Error())
	}
	return err
}

func fileSeek(vm *VM, L *lua.LState) int {
	f := checkOpen(L)
	whence, ok := map[string]int{"set": io.SeekStart, "cur": io.SeekCurrent, "end": io.SeekEnd}[L.OptString(2, "cur")]
	if !ok {
		L.RaiseError("bad argument #1 to seek (set, cur or end)")
	}
	if f.file == nil || f.blocks {
		return failed(L, f.name+": cannot seek in it")
	}
	offset := L.OptInt64(3, 0)
	if f.in != nil {
		if whence == io.SeekCurrent {
			offset -= int64(f.in.Buffered())
		}
		f.in = nil
	}
	position, err := f.file.Seek(offset, whence)
	if err != nil {
		return failed(L, openError(f.name, err).Error())
	}
	L.Push(lua.LNumber(position))
	return 1
}

func fileLines(vm *VM, L *lua.LState) int { return vm.pushLines(L, checkOpen(L), false) }

func fileFlush(vm *VM, L *lua.LState) int {
	checkOpen(L)
	return pushTrue(L)
}

func fileClose(vm *VM, L *lua.LState) int {
	f := checkOpen(L)
	if f.standard {
		return failed(L, f.name+": it cannot be closed")
	}
	if f.process != nil {
		f.closed = true
		return f.process.close(vm, L, f.busy)
	}
	if err := f.close(vm, L); err != nil {
		return failed(L, err.Error())
	}
	return pushTrue(L)
}

func (f *fileObject) close(_ *VM, _ *lua.LState) error {
	f.closed = true
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}
