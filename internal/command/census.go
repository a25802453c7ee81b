package command

import (
	"bytes"
	"os"
	"strconv"
	"sync"
	"time"
)

// census counts processes for all commands that are ended at the same time. To look through /proc, with the environment
// of what is there, takes milliseconds: hundreds of commands that each did it several times took half a minute to end.
type census struct {
	mu      sync.Mutex // protects following fields
	running *count     // nil: none
	next    *count     // to begin when running has ended; nil: nobody waits for it
	marks   map[procInfo]string
	counts  int // so far
}

// count is what one look found.
type count struct {
	done     chan struct{} // closed when the rest is set; who reads it changes nothing
	procs    []procInfo
	children map[int][]int  // by number of the parent: indexes of procs
	marks    map[int]string // by process number, of those that have one
	err      error
}

// take gives a count that began after the call: what lives during all of it is in it.
func (c *census) take() *count {
	c.mu.Lock()
	if c.running == nil {
		n := &count{done: make(chan struct{})}
		c.running = n
		c.mu.Unlock()
		c.count(n)
		return n
	}
	if c.next == nil {
		c.next = &count{done: make(chan struct{})}
	}
	n := c.next
	c.mu.Unlock()
	<-n.done
	return n
}

// count does the counting of n, and then of whoever has come meanwhile.
func (c *census) count(n *count) {
	n.procs, n.err = allProcs()
	if n.err == nil {
		n.marks = c.marksOf(n.procs)
		n.children = make(map[int][]int, len(n.procs))
		for i, p := range n.procs {
			n.children[p.ppid] = append(n.children[p.ppid], i)
		}
	}
	close(n.done)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts++
	if c.running = c.next; c.running != nil {
		c.next = nil
		go c.count(c.running)
	}
}

// marksOf reads the marks of what is alive, and not older than this process. One that is known is not read again: what
// was started by a command stays so, also when it wipes its environment later. Only one count at a time comes here.
func (c *census) marksOf(procs []procInfo) map[int]string {
	const patience = 10 // milliseconds in all that it waits for processes in exec, which show no environment
	found := make(map[int]string, len(procs))
	known := make(map[procInfo]string, len(c.marks))
	waited := 0
	self, _ := readProc(os.Getpid())
	for _, p := range procs {
		if p.dead() || p.start < self.start || p.pid == self.pid {
			continue
		}
		name := procInfo{pid: p.pid, start: p.start}
		mark, ok := c.marks[name]
		for !ok {
			var unclear bool
			mark, unclear = p.mark()
			if !unclear || waited >= patience {
				break
			}
			waited++
			time.Sleep(time.Millisecond)
		}
		if mark != "" {
			found[p.pid] = mark
			known[name] = mark
		}
	}
	c.marks = known
	return found
}

// mark is the whole variable markName in the environment that the process was started with: empty if there is none, or
// it may not be read. It is unclear while the process is in exec, which shows no environment until it is through; kernel
// threads, and what was started with none, never show any.
func (p procInfo) mark() (mark string, unclear bool) {
	env, err := os.ReadFile("/proc/" + strconv.Itoa(p.pid) + "/environ")
	if err != nil {
		return "", false
	}
	for v := range bytes.SplitSeq(env, []byte{0}) {
		if bytes.HasPrefix(v, []byte(markName+"=")) {
			return string(v), false
		}
	}
	const kthreadd = 2
	return "", len(env) == 0 && p.ppid != kthreadd
}
