// Package luaapi holds all that touches Lua: the VM of a script file, the functions and classes a script
// can use, and the ways between Lua values and messages.
//
// The invariant: a [VM] is the only owner of its Lua state. Whoever touches a Lua value of it holds the
// VM's lock, which [VM.Do] takes. A Go function that waits on behalf of Lua calls [Run.Wait], which gives
// the lock away for that time, so that other checks of the file go on.
//
// What a script can use is declared once, in the table that [Modules] returns: the declaration installs a
// function, checks its arguments, and makes the reference and the editor's types.
package luaapi
