package luaapi

import (
	"context"
	"io"
	"sync"
	"sync/atomic"

	"dumbprobe/internal/reader"
)

// ownedReader is a Go-side reader that a VM has opened. It ends with its owner, unless it is left to the VM of
// the script's next version: then it goes on, with what has arrived, as if nothing had happened.
type ownedReader struct {
	reader.Reader
	source readerSource
	cancel context.CancelFunc
	log    atomic.Pointer[readerLog] // its owner's
	crash  atomic.Pointer[error]     // of a panic in a call of the reader; nil: there was none

	mu     sync.Mutex  // protects following fields
	owner  *VM         // nil: between two owners
	unbind func() bool // from the life of the owner
}

// openOwned opens source for vm; life bounds it as long as vm owns it.
func openOwned(vm *VM, life context.Context, source readerSource, log *readerLog) (*ownedReader, error) {
	ctx, cancel := context.WithCancel(context.Background())
	o := &ownedReader{source: source, cancel: cancel}
	o.log.Store(log)
	defer func() {
		if o.Reader == nil { // an error, or a panic
			cancel()
		}
	}()
	opened, err := source.open(ctx, vm.commands, o)
	if err != nil {
		return nil, err
	}
	o.Reader = opened
	o.own(vm, life, log)
	return o, nil
}

// options are limits, with what the reader is to tell.
func (o *ownedReader) options(limits reader.Options) reader.Options {
	limits.OnStderr = func(line string) { o.log.Load().stderr(line) }
	limits.OnPanic = func(crash any) error { return PanicError(o.log.Load().logger, crash) }
	return limits
}

// own makes vm the owner. If life is over, so is the reader.
func (o *ownedReader) own(vm *VM, life context.Context, log *readerLog) {
	o.log.Store(log)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.owner = vm
	o.unbind = context.AfterFunc(life, o.cancel)
}

// leave takes the reader from its owner, which does not see it end. It is false if it was not the owner's, or
// ends with it just now.
func (o *ownedReader) leave(owner *VM) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.owner != owner || !o.unbind() {
		return false
	}
	o.owner, o.unbind = nil, nil
	return true
}

func (o *ownedReader) isOf(vm *VM) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.owner == vm
}

// The methods of reader.Reader are called by the daemon outside of a run, too. A panic in one of them is logged; the
// reader is at its end then, and that is why.

// Take implements reader.Reader.
func (o *ownedReader) Take(limit int) (records []reader.Record, err error) {
	if !o.guarded(func() { records, err = o.Reader.Take(limit) }) {
		return nil, io.EOF
	}
	return records, err
}

// PutBack implements reader.Reader.
func (o *ownedReader) PutBack(records []reader.Record) {
	o.guarded(func() { o.Reader.PutBack(records) })
}

// End implements reader.Reader.
func (o *ownedReader) End() (err error) {
	if !o.guarded(func() { err = o.Reader.End() }) {
		return *o.crash.Load()
	}
	return err
}

// Stats implements reader.Reader.
func (o *ownedReader) Stats() (s reader.Stats) {
	o.guarded(func() { s = o.Reader.Stats() })
	return s
}

// Close implements reader.Reader.
func (o *ownedReader) Close() (err error) {
	defer o.cancel() // also where the reader's Close panics
	o.mu.Lock()
	if o.unbind != nil {
		o.unbind()
	}
	o.mu.Unlock()
	if !o.try(func() { err = o.Reader.Close() }) {
		return *o.crash.Load()
	}
	return err
}

// guarded calls f, which calls the reader, unless that has panicked before. It is false where there was a panic.
func (o *ownedReader) guarded(f func()) bool { return o.crash.Load() == nil && o.try(f) }

func (o *ownedReader) try(f func()) (ok bool) {
	defer func() {
		if crash := recover(); crash != nil {
			err := PanicError(o.log.Load().logger, crash)
			o.crash.Store(&err)
			o.cancel()
		}
	}()
	f()
	return true
}

// Legacy is a reader, open and with what has arrived, that one version of a script leaves to the next. Who
// has it and does not hand it to [Entry.Open] closes it.
type Legacy struct {
	reader *ownedReader
	spent  atomic.Bool // it was claimed or closed
}

// Close ends the reader, unless it has found a new owner.
func (l *Legacy) Close() error {
	if l == nil || l.spent.Swap(true) {
		return nil
	}
	return l.reader.Close()
}

// claim makes vm the owner of the reader, if it is the one that source would open.
func (l *Legacy) claim(vm *VM, life context.Context, source readerSource, log *readerLog) *ownedReader {
	if l == nil || !sameSource(l.reader.source, source) || l.spent.Swap(true) {
		return nil
	}
	l.reader.own(vm, life, log)
	return l.reader
}

// Leave takes the handle's reader, which Open gave, from this version of the script. It is nil if there is
// none to be left. What the script's own handle does with the reader after that has no effect; its close is
// still to be called.
func (e *Entry) Leave(source reader.Reader) *Legacy {
	o, ok := source.(*ownedReader)
	if !ok || !o.leave(e.vm) {
		return nil
	}
	return &Legacy{reader: o}
}

// SameSource tells whether the handle e reads what the handle old reads, as far as that is known before it is
// opened: what a handle of the script's own opens is known only then, and it is taken for the same as one of its
// class and name.
func (e *Entry) SameSource(old *Entry) bool {
	switch {
	case e.Class != old.Class:
		return false
	case e.handle != nil && old.handle != nil:
		return sameSource(e.handle.source, old.handle.source)
	}
	return e.handle == nil && old.handle == nil && e.Name == old.Name
}
