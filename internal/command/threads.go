package command

import (
	"runtime"
	"sync"
)

// spareThreads are for what blocks a thread in a system call: the start of a command until its program runs, files of
// slow disks. Measured with 64 commands at once that ended at once, on two cores: 28 threads in all.
const spareThreads = 32

// ReserveThreads makes the threads that a busy daemon needs. The Go runtime makes one when it lacks one, ends the
// process when it cannot, and keeps what it has: so a command that takes all the processes that the limits allow ends
// no daemon that has its threads already. Main calls it once, before there are commands.
//
// Where there is little room it makes fewer, so that something is left for commands. A daemon that blocks in more
// system calls at once than there are threads still ends when it can have no more.
func ReserveThreads() {
	const most = 128
	n := min(2*runtime.GOMAXPROCS(0)+spareThreads, most, roomNow().left/2)
	var all sync.WaitGroup
	all.Add(n)
	var ended sync.WaitGroup
	for range n {
		ended.Go(func() {
			// A goroutine that is locked to a thread keeps it while it waits, so there are n threads when all are
			// here. Without a goroutine they wait for one.
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			all.Done()
			all.Wait()
		})
	}
	ended.Wait()
}
