package luaapi

// Modules is the table of all that a script can use: the daemon's modules and Lua's own library. It is the
// one place where a function, class or field is declared; the declaration installs it, checks its arguments
// and makes docs/reference.md and scripts/meta.
func Modules() []Module {
	return append([]Module{
		dumbprobeModule(),
		jsonModule(),
		logModule(),
		readerModule(),
	}, standardModules()...)
}
