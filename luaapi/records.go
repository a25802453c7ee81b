package luaapi

import "slices"

// The records that classes extend.
const (
	checkRecord  = "Check"
	handleRecord = "Handle"
)

// records are the shapes of tables that scripts and the daemon hand each other.
func records() []Record {
	method := func(signature string) Type { return typeFunction.named(signature) }
	return []Record{
		{
			Name: checkRecord,
			Doc:  "What the daemon needs of a check: any table or object with these methods is one.",
			Fields: []Field{
				{Name: "next_run", Type: method("fun(self): number"), Required: true, Doc: "gives the unix time, in seconds, of the next run; one in the past means now"},
				{Name: "run", Type: method("fun(self): dumbprobe.Messages"), Required: true, Doc: "runs the check; nil is an error, and a check never overlaps itself"},
				{Name: "check_name", Type: method("fun(self): string?"), Default: "`<script>#<position> <Class>`", Doc: "gives the name of the check in logs, metrics and state"},
			},
			Example: "local dp = require \"dumbprobe\"\n\nlocal inner = dp.ShellCommand{command = {\"echo\", '{\"n\": 1}'}, interval = 60}\n\nCHECKS = {{\n  next_run = function() return dp.time() + 60 end,\n  run = function() return inner:run() end,\n  check_name = function() return \"around\" end,\n}}",
		},
		{
			Name: handleRecord,
			Doc:  "What the daemon needs of a handle: a source that gives messages whenever data arrives. Any table or object with these methods is one; it starts closed.",
			Fields: []Field{
				{Name: "open", Type: method("fun(self)"), Required: true, Doc: "starts the source; an error means that it could not be opened, and it is opened again later"},
				{Name: "read_messages", Type: method("fun(self): dumbprobe.Messages, dumbprobe.EOF?"), Required: true, Doc: "gives the messages of what has arrived, and dumbprobe.EOF as a second result at the end of the data; must not wait"},
				{Name: "close", Type: method("fun(self)"), Required: true, Doc: "stops the source, after the end of the data, on reload and on shutdown; closing twice must be no error"},
				{Name: "check_name", Type: method("fun(self): string?"), Default: "`<script>#<position> <Class>`", Doc: "gives the name of the handle in logs, metrics and state"},
				{Name: "reader", Type: classType("Reader"), Doc: "set by `open`: read_messages is called when it has data; a handle without a reader is asked every second"},
			},
			Example: "local dp = require \"dumbprobe\"\n\nlocal handle = {}\n\nfunction handle:open()\n  self.reader = dp.reader.command{command = \"echo 1; echo 2\"}\nend\n\nfunction handle:read_messages()\n  local messages = {}\n  for _, line in ipairs(self.reader:take()) do\n    table.insert(messages, dp.Message{aspect = \"numbers\", value = tonumber(line)})\n  end\n  return messages\nend\n\nfunction handle:close()\n  if self.reader then\n    self.reader:close()\n  end\nend\n\nCHECKS = {handle}",
		},
		{
			Name: "Object",
			Doc:  "A script's CHECKS that schedules itself.",
			Fields: []Field{
				{Name: "run_next", Type: method("fun(self): dumbprobe.Messages|fun(): dumbprobe.Message|table|nil"), Required: true, Doc: "called over and over: waits until it is time, and gives messages, or an iterator over them"},
			},
			Example: "local dp = require \"dumbprobe\"\n\nlocal object = {n = 0}\n\nfunction object:run_next()\n  dp.sleep(0.01)\n  self.n = self.n + 1\n  return dp.Message{aspect = \"turns\", value = self.n}\nend\n\nCHECKS = object",
		},
		{
			Name: "CommandResult",
			Doc:  "What a command printed, and how it ended.",
			Fields: []Field{
				{Name: "stdout", Type: typeString, Required: true, Doc: "its standard output"},
				{Name: "stderr", Type: typeString, Required: true, Doc: "its standard error"},
				{Name: "code", Type: typeInteger, Required: true, Doc: "the exit code, or minus the signal's number"},
				{Name: "truncated", Type: typeBoolean, Required: true, Doc: "whether output was cut, after 1 MiB"},
				{Name: "duration", Type: typeNumber, Unit: "seconds", Required: true, Doc: "how long it ran"},
			},
		},
		{
			Name: "FileSystem",
			Doc:  "The size of a file system.",
			Fields: []Field{
				{Name: "total", Type: typeNumber, Unit: "bytes", Required: true, Doc: "its size"},
				{Name: "free", Type: typeNumber, Unit: "bytes", Required: true, Doc: "what is free"},
				{Name: "available", Type: typeNumber, Unit: "bytes", Required: true, Doc: "what is free to users other than root"},
				{Name: "files", Type: typeNumber, Unit: "inodes", Required: true, Doc: "how many files it can hold; 0 where it has no fixed number"},
				{Name: "files_free", Type: typeNumber, Unit: "inodes", Required: true, Doc: "how many more files it can hold"},
				{Name: "block_size", Type: typeNumber, Unit: "bytes", Required: true, Doc: "the unit that it is given out in"},
				{Name: "read_only", Type: typeBoolean, Required: true, Doc: "whether it is mounted read-only"},
			},
		},
	}
}

// always is fields as attributes, of which the named ones are never nil.
func always(fields []Field, names ...string) []Field {
	fields = append([]Field(nil), fields...)
	for i := range fields {
		fields[i].Always = slices.Contains(names, fields[i].Name)
	}
	return fields
}
