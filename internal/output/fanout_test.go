package output

import (
	"context"
	"io"
	"testing"
)

func TestNewRefuses(t *testing.T) {
	tcp := Address{Scheme: "tcp", Host: "h", Port: "1"}
	tests := []struct {
		name string
		o    Options
		want string
	}{
		{"stdout without a writer", Options{}, `destination "stdout": there is no standard output to write to`},
		{"an address given twice", Options{Addresses: []Address{tcp, tcp}}, `destination "tcp:h:1" is given twice`},
		{"an address nobody parsed", Options{Addresses: []Address{{Scheme: "tcp", Host: "h"}}}, `destination "tcp:h:": the port is missing; the form is tcp:HOST:PORT`},
		{"the zero address", Options{Addresses: []Address{{}}}, `destination "" is empty; known forms are ` + Forms()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := New(tt.o)
			if f != nil || err == nil || err.Error() != tt.want {
				t.Errorf("got %v, %v; want %s", f, err, tt.want)
			}
			if err := f.Close(t.Context()); err != nil {
				t.Errorf("closing what was not made: %v", err)
			}
		})
	}
}

func TestStdoutIsTheDefault(t *testing.T) {
	p := newPipeReader(t)
	p.start(t)
	t.Cleanup(func() { p.stop(t) })
	f := start(t, Options{Stdout: p.stdout()})
	f.Send([]byte("a"))
	expect(t, p.waitFor(t, 1), []string{"a"})
	if got := f.Stats()[0].Address; got != "stdout" {
		t.Errorf("the address is %q", got)
	}
}

func BenchmarkSend(b *testing.B) {
	f, err := New(Options{Stdout: io.Discard})
	if err != nil {
		b.Fatal(err)
	}
	line := make([]byte, 300)
	b.ReportAllocs()
	for b.Loop() {
		f.Send(line)
	}
	_ = f.Close(context.Background())
}
