package luaapi

import (
	"context"
	"sync"
	"sync/atomic"

	"dumbprobe/internal/reader"
)

// ownedReader is a Go-side reader that a VM has opened. It ends with its owner, unless it is left to the VM of
// the script's next version: then it goes on, with what has arrived, as if nothing had happened.
type ownedReader struct {
	reader.Reader
	source   readerSource
	cancel   context.CancelFunc
	onStderr atomic.Pointer[func(string)]

	mu     sync.Mutex  // protects following fields
	owner  *VM         // nil: between two owners
	unbind func() bool // from the life of the owner
}

// openOwned opens source for vm; life bounds it as long as vm owns it.
func openOwned(vm *VM, life context.Context, source readerSource, onStderr func(string)) (*ownedReader, error) {
	ctx, cancel := context.WithCancel(context.Background())
	o := &ownedReader{source: source, cancel: cancel}
	defer func() {
		if o.Reader == nil { // an error, or a panic
			cancel()
		}
	}()
	opened, err := source.open(ctx, vm.commands, o.stderr)
	if err != nil {
		return nil, err
	}
	o.Reader = opened
	o.own(vm, life, onStderr)
	return o, nil
}

func (o *ownedReader) stderr(line string) {
	if f := o.onStderr.Load(); f != nil {
		(*f)(line)
	}
}

// own makes vm the owner. If life is over, so is the reader.
func (o *ownedReader) own(vm *VM, life context.Context, onStderr func(string)) {
	o.onStderr.Store(&onStderr)
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

// Close implements reader.Reader.
func (o *ownedReader) Close() error {
	defer o.cancel() // also where the reader's Close panics
	o.mu.Lock()
	if o.unbind != nil {
		o.unbind()
	}
	o.mu.Unlock()
	return o.Reader.Close()
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
func (l *Legacy) claim(vm *VM, life context.Context, source readerSource, onStderr func(string)) *ownedReader {
	if l == nil || !sameSource(l.reader.source, source) || l.spent.Swap(true) {
		return nil
	}
	l.reader.own(vm, life, onStderr)
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
