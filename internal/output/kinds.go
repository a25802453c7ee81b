package output

import (
	"io"
	"maps"
	"slices"
	"strings"
)

// kind is what there is to know about one kind of destination.
type kind struct {
	form  string                                        // how its address is written
	parse func(a *Address, rest string) error           // rest is what follows "scheme:"
	tail  func(a Address) string                        // the reverse of parse
	open  func(a Address, stdout io.Writer) Destination // connects nothing yet
}

// kinds is the register of all kinds, by the scheme of their addresses. It is never written to.
var kinds = map[string]kind{
	"stdout": {form: "stdout", parse: parseNothing, tail: tailNothing, open: newStdout},
	"tcp":    {form: "tcp:HOST:PORT", parse: parseHostPort, tail: tailHostPort, open: newTCP},
	"udp":    {form: "udp:HOST:PORT", parse: parseHostPort, tail: tailHostPort, open: newUDP},
	"unix":   {form: "unix:PATH", parse: parsePath, tail: tailPath, open: newUnix},
}

// forms lists how addresses of all kinds are written.
func forms() string {
	var all []string
	for _, scheme := range slices.Sorted(maps.Keys(kinds)) {
		all = append(all, kinds[scheme].form)
	}
	return strings.Join(all, ", ")
}
