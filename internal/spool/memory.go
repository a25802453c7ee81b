package spool

import (
	"sync"
	"time"
)

// LineOverhead is what each line in memory counts against the limit on top of its length, in bytes: its
// entry in the queue (32) and what the allocator rounds up.
const LineOverhead = 64

// Memory is a Spool in memory. It lets go of each line once the line is delivered or dropped, and keeps one
// chunk of an empty queue (8 KiB) however long the backlog was.
type Memory struct {
	maxBytes int64
	born     time.Time // ages are counted from here, on the monotonic clock
	ready    chan struct{}

	mu           sync.Mutex // protects the following
	queue        queue[entry]
	bytes        int64  // of the lines in queue
	first        uint64 // sequence number of the oldest line in queue
	out          window
	droppedLines uint64
	droppedBytes uint64
	closed       bool
}

type entry struct {
	line []byte
	at   time.Duration // when it came, since the spool was made
}

// window is what the sender holds. Lines are known by sequence number, not by position, because Append
// may push out the oldest while the sender holds them.
type window struct {
	from, to uint64 // sequence numbers, to excluded
	pushed   []int  // lengths of the lines from `from` on that were pushed out meanwhile
	bytes    int64  // their size against the limit
}

// NewMemory returns an empty spool that holds at most maxBytes bytes, counting LineOverhead for each line;
// 0 or less stands for DefaultMaxBytes.
func NewMemory(maxBytes int64) *Memory {
	if maxBytes <= 0 {
		maxBytes = DefaultMaxBytes
	}
	return &Memory{maxBytes: maxBytes, born: time.Now(), ready: make(chan struct{}, 1)}
}

func size(length int) int64 { return int64(length) + LineOverhead }

// Append implements Spool.
func (m *Memory) Append(line []byte) (dropped int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	need := size(len(line))
	if m.closed || need > m.maxBytes {
		m.drop(len(line))
		return 1
	}
	for m.bytes+need > m.maxBytes {
		if m.pushOut() {
			dropped++
		}
	}
	m.queue.push(entry{line: line, at: time.Since(m.born)})
	m.bytes += need
	select {
	case m.ready <- struct{}{}:
	default:
	}
	return dropped
}

// pushOut removes the oldest line to make room, and says whether it is lost already.
func (m *Memory) pushOut() (lost bool) {
	length, seq := len(m.queue.front().line), m.first
	m.removeFirst()
	if seq >= m.out.from && seq < m.out.to {
		m.out.pushed = append(m.out.pushed, length)
		m.out.bytes += size(length)
		return false
	}
	m.drop(length)
	return true
}

func (m *Memory) removeFirst() {
	m.bytes -= size(len(m.queue.front().line))
	m.queue.pop()
	m.first++
}

func (m *Memory) drop(length int) {
	m.droppedLines++
	m.droppedBytes += uint64(length)
}

// Next implements Spool.
func (m *Memory) Next(maxLines, maxBytes int, into [][]byte) ([][]byte, uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	// Lines that Append pushed out while nobody held them lie before first.
	if m.out.from == m.out.to {
		m.out.from, m.out.to = m.first, m.first
	}
	first := max(m.out.to, m.first)
	skip := int(first - m.first)
	total, n := 0, 0
	for e := range m.queue.all {
		if skip > 0 {
			skip--
			continue
		}
		total += len(e.line)
		if n >= maxLines || n > 0 && total > maxBytes {
			break
		}
		into = append(into, e.line)
		n++
	}
	m.out.to = first + uint64(n)
	return into, first
}

// Ack implements Spool. An n larger than what is out counts as all of it.
func (m *Memory) Ack(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	end := min(m.out.from+uint64(max(n, 0)), m.out.to)
	for m.out.from < end {
		if len(m.out.pushed) > 0 {
			m.out.bytes -= size(m.out.pushed[0])
			m.out.pushed = m.out.pushed[1:]
		} else {
			m.removeFirst()
		}
		m.out.from++
	}
}

// Rewind implements Spool.
func (m *Memory) Rewind() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rewind()
}

func (m *Memory) rewind() {
	for _, length := range m.out.pushed {
		m.drop(length)
	}
	m.out = window{}
}

// Stats implements Spool.
func (m *Memory) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := Stats{
		Lines:        m.queue.len + len(m.out.pushed),
		Bytes:        m.bytes + m.out.bytes,
		DroppedLines: m.droppedLines,
		DroppedBytes: m.droppedBytes,
	}
	if m.queue.len > 0 {
		s.Oldest = time.Since(m.born) - m.queue.front().at
	}
	return s
}

// Ready implements Spool.
func (m *Memory) Ready() <-chan struct{} { return m.ready }

// Close implements Spool.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.rewind()
	for m.queue.len > 0 {
		m.drop(len(m.queue.front().line))
		m.removeFirst()
	}
	m.queue = queue[entry]{}
	return nil
}
