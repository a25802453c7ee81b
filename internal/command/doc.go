// Package command runs other programs to their end.
//
// Invariant: what a Runner starts, it ends. A command is over, with everything it started, at most
// Options.Grace + Options.WaitDelay after its context; never more children run than the limits say;
// and no output, however large or however long a grandchild holds the pipe, blocks or grows the daemon.
//
// How a command is ended. Each runs in a process group of its own. When its context ends, TERM goes to
// the group and to every descendant that left the group; what is alive after Grace gets KILL. The leader is
// not reaped before that, so its process and group numbers cannot have passed to somebody else meanwhile.
//
// Descendants are found in the command's own cgroup, where the daemon may make cgroups v2 (leaves.go): a
// service with Delegate=yes, or root. Nothing gets out of it by itself, and cgroup.kill ends it whole. And
// they are found in /proc, by parent chain, by group and by a mark in the environment (tree.go); without
// cgroups, what wipes the mark and leaves group and parents escapes. Runner.Isolation says which it is.
//
// A command of Run that ends by itself is left as it is: what it put in the background lives on until Close, if it let go
// of the pipes. If it holds them WaitDelay after the leader's end, it is ended. A stream is ended whole, however it
// ends: it is started again and again.
//
// What main does, once, before anything else: ReserveThreads, so that commands which take all the processes that
// the limits allow end no daemon; CloseOnExec, so that no descriptor inherited by the daemon
// reaches a command; BecomeSubreaper, and then Runner.ReapOrphans every few seconds. A daemon that must
// survive SIGPIPE uses signal.Notify for it: an ignored signal (signal.Ignore) is handed down to the
// children, where it turns "yes | head -1" into an endless loop, while a caught one is reset to its
// default.
//
// One process has one Runner: ReapOrphans must know every child that somebody still waits for.
package command
