// Package control is the control socket of the daemon: HTTP and JSON over a unix socket, the server and its
// client. The API is described in docs/control.md.
//
// The invariants: the socket is its owner's alone from the moment that it exists; a socket that somebody
// serves is never taken away from them; whatever a client sends, or does not send, costs the daemon a bounded
// amount of memory and of connections, and stops none of its checks. The package knows neither Lua nor the
// engine: what is asked is answered by a [Daemon].
package control
