package luaapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	lua "github.com/yuin/gopher-lua"
	"go.uber.org/zap/zapcore"

	"dumbprobe/internal/command"
)

// popenProcess is the process behind a file of io.popen. It ends with the run that started it: a process
// that nobody waits for any more would stay for ever.
type popenProcess struct {
	spec   command.Spec
	stream *command.Stream // mode r
	input  []byte          // mode w: what was written; the command starts when the file is closed
	leave  func()          // mode r: it counts no more; may be called twice
}

// maxProcesses bounds the processes that a script reads by io.popen at once: each is looked for among all others
// when it ends, and there is a limit to those of all scripts.
const maxProcesses = 100

func ioPopen(vm *VM, L *lua.LState) int {
	line, mode := L.CheckString(1), L.OptString(2, "r")
	p := &popenProcess{spec: command.Spec{Argv: command.Shell(line)}}
	f := &fileObject{name: "the command " + excerpt(line), process: p, blocks: true}
	switch mode {
	case "r":
		f.readable = true
	case "w":
		f.writable = true
		L.Push(vm.newFile(f))
		return 1
	default:
		L.RaiseError("bad argument #2 to io.popen (the mode is r or w, not %q)", mode)
	}
	if vm.processes.Add(1) > maxProcesses {
		vm.processes.Add(-1)
		return failed(L, fmt.Sprintf("%s: the script has %d processes of io.popen; close them when they are done with", f.name, maxProcesses))
	}
	p.leave = sync.OnceFunc(func() { vm.processes.Add(-1) })
	r := runOf(L)
	life := r.lifetime()
	onStderr := r.Logger()
	r.atEnd(p.leave)
	err := r.Wait(func(context.Context) (err error) {
		p.stream, err = vm.commands.Start(life, p.spec)
		return err
	})
	if over := r.check(); over != nil {
		L.RaiseError("%s", over.Error())
	}
	if err != nil {
		p.leave()
		return failed(L, err.Error())
	}
	r.atEnd(p.stream.Close)
	aside(onStderr, func() { // ends with the stream
		text := make([]byte, 4096)
		for {
			n, err := p.stream.Stderr().Read(text)
			if n > 0 {
				vm.lines.Log(onStderr, zapcore.WarnLevel, firstLine(text[:n]))
			}
			if err != nil {
				return
			}
		}
	}, p.stream.Stop)
	L.Push(vm.newFile(f))
	return 1
}

func (p *popenProcess) stdout() io.Reader {
	if p.stream == nil {
		return eofReader{}
	}
	return p.stream.Stdout()
}

// maxUnread is how many bytes a command may print after the script has closed it.
const maxUnread = 1 << 20

var errUnread = errors.New("nobody reads what it prints")

type eofReader struct{}

func (eofReader) Read([]byte) (int, error) { return 0, io.EOF }

func (p *popenProcess) write(text string, limit int) error {
	if len(p.input)+len(text) > limit {
		return fmt.Errorf("more than %d bytes are written to a command", limit)
	}
	p.input = append(p.input, text...)
	return nil
}

// close ends the process, or runs it with what was written, and pushes its exit code.
func (p *popenProcess) close(vm *VM, L *lua.LState, busy bool) int {
	r := runOf(L)
	if p.stream == nil {
		spec := p.spec
		spec.Stdin = p.input
		return r.pushExitCode(L, r.command(L, spec, 0))
	}
	var result command.Result
	r.waitOrRaise(L, func(context.Context) (err error) {
		if busy { // another run reads it, and sees its end
			p.stream.Close()
			p.leave()
			if result, err = p.stream.Wait(); errors.Is(err, command.ErrStopped) {
				err = nil
			}
			return err
		}
		// As pclose does: wait for the end. What it still prints is discarded, or it would block; one that
		// prints on and on is ended, as the signal SIGPIPE would do there.
		drained := make(chan struct{})
		aside(r.Logger(), func() {
			defer close(drained)
			if n, _ := io.CopyN(io.Discard, p.stream.Stdout(), maxUnread); n == maxUnread {
				p.stream.Stop(errUnread)
			}
		}, p.stream.Stop)
		result, err = p.stream.Wait()
		p.stream.Close()
		p.leave()
		<-drained
		if errors.Is(err, errUnread) {
			err = nil
		}
		return err
	})
	return r.pushExitCode(L, result)
}

func (r *Run) pushExitCode(L *lua.LState, result command.Result) int {
	r.logOutput(result.Stdout, zapcore.InfoLevel)
	r.logOutput(result.Stderr, zapcore.WarnLevel)
	L.Push(lua.LNumber(result.Code))
	return 1
}
