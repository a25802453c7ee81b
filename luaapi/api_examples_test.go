package luaapi

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"testing"
	"time"

	"dumbprobe/internal/reader"
)

// example is an example of the table, with the name of what it is about.
type example struct{ of, lua string }

func examples() []example {
	var list []example
	add := func(of, lua string) {
		if lua != "" {
			list = append(list, example{of, lua})
		}
	}
	for _, m := range Modules() {
		prefix := m.Name + "."
		for _, f := range m.Functions {
			add(prefix+f.Name, f.Example)
		}
		for _, c := range m.Constants {
			add(prefix+c.Name, c.Example)
		}
		for _, record := range m.Records {
			add(prefix+record.Name, record.Example)
		}
		for _, c := range m.Classes {
			add(prefix+c.Name, c.Example)
			for _, f := range c.Methods {
				add(prefix+c.Name+":"+f.Name, f.Example)
			}
		}
	}
	return list
}

// Every example loads, and what it gives as CHECKS runs once.
func TestExamplesRun(t *testing.T) {
	for _, e := range examples() {
		t.Run(e.of, func(t *testing.T) {
			vm := newTableVM(t, e.lua+"\nCHECKS = CHECKS or {}\n")
			script, err := vm.Load(context.Background(), RunOptions{Timeout: 10 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			for _, entry := range script.Entries {
				if entry.Kind == HandleEntry {
					runHandle(t, entry)
				} else {
					runCheck(t, entry)
				}
			}
			if script.Object != nil {
				runObject(t, script.Object)
			}
		})
	}
}

const exampleTimeout = 10 * time.Second

// apart calls f on a goroutine of its own, as the methods of an Entry want it.
func apart(f func() error) error {
	done := make(chan error, 1)
	go Finally(context.Background(), exampleTimeout, f, func(err error) { done <- err })
	return <-done
}

func runCheck(t *testing.T, entry *Entry) {
	t.Helper()
	var b Batch
	opts := RunOptions{Timeout: exampleTimeout, Label: new("example"), State: newState(t)}
	err := apart(func() error {
		if _, err := entry.NextRun(context.Background(), opts); err != nil {
			return err
		}
		return entry.Run(context.Background(), opts, &b)
	})
	checkStarted(t, err)
	checkBatch(t, &b)
	if len(b.Lines) == 0 {
		t.Error("the check of the example gives no message")
	}
}

// checkStarted fails the test for an error, and skips it for a program that is not installed.
func checkStarted(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, fs.ErrNotExist) {
		skip(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func checkBatch(t *testing.T, b *Batch) {
	t.Helper()
	for _, p := range b.Problems {
		t.Error(p)
	}
	for _, w := range b.Warnings {
		t.Error(w)
	}
}

func runHandle(t *testing.T, entry *Entry) {
	t.Helper()
	opts := RunOptions{Timeout: exampleTimeout}
	var source reader.Reader
	var b Batch
	err := apart(func() (err error) {
		source, err = entry.Open(context.Background(), context.Background(), opts, nil)
		return err
	})
	checkStarted(t, err)
	if source != nil {
		select {
		case <-source.Ready():
		case <-time.After(200 * time.Millisecond): // an example may well wait for data that does not come
		}
	}
	err = apart(func() error {
		if !entry.TakesRecords() {
			_, err := entry.ReadMessages(context.Background(), opts, &b)
			return err
		}
		records, err := source.Take(0)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		return entry.Records(context.Background(), opts, records, &b)
	})
	if err != nil {
		t.Error(err)
	}
	checkBatch(t, &b)
	if err := apart(func() error { return entry.Close(context.Background(), opts, source) }); err != nil {
		t.Error(err)
	}
}

func runObject(t *testing.T, object *Object) {
	t.Helper()
	var b Batch
	sent := 0
	err := apart(func() error {
		return object.RunNext(context.Background(), RunOptions{Timeout: exampleTimeout, Sliding: true}, &b,
			func(lines [][]byte) { sent += len(lines) })
	})
	if err != nil {
		t.Fatal(err)
	}
	checkBatch(t, &b)
	if sent+len(b.Lines) == 0 {
		t.Error("the object of the example gives no message")
	}
}
