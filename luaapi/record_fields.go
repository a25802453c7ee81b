package luaapi

import (
	lua "github.com/yuin/gopher-lua"

	"dumbprobe/internal/reader"
)

// recordFields are the fields of all sources that are read record by record.
var recordFields = []Field{
	{Name: "silence", Type: typeLimit, Unit: "seconds", Default: "no limit", Doc: "no record for that long means that the source is dead: it is ended, and opened again"},
	{Name: "max_line", Type: typeCount, Unit: "bytes", Default: "64 KiB", Doc: "the length of a record; what is longer is cut there, and reported"},
}

// maxLine bounds what a script can ask for as the length of a line.
const maxLine = 16 << 20

// recordLimits makes a reader's options of fields that were checked before.
func recordLimits(get func(name string) lua.LValue) reader.Options {
	line := int(min(numberOf(get("max_line")), maxLine))
	return reader.Options{Silence: seconds(numberOf(get("silence"))), MaxLine: line, MaxQueueBytes: max(0, 2*line)}
}
