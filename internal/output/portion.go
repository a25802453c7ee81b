package output

// maxAlone is how many lines in a row may be refused, each sent alone, before the peer is taken to refuse everything.
const maxAlone = 8

// growAfter is how many requests in a row are accepted before a larger one than the peer has refused is tried: it may have
// another limit by now.
const growAfter = 100

// portion is how much of a batch goes into one request: all of it, until the peer refuses a request because of its
// size, or because of lines in it that it does not say, or until requests break. Then they get smaller, down to a
// single line, and larger again with each that goes well.
type portion struct {
	bytes int // of a request, at most; one line may be longer
	most  int // what bytes may grow to
	limit int // what most was in the beginning
	good  int // requests accepted since one was too large, or since most grew

	alone int // lines refused since one was accepted, each in a request of its own

	// What is sent again is sent in the same portion at first, so that the peer can know it again.
	first    uint64 // the number of its first line
	lines    int
	failures int
}

func newPortion(limit int) portion { return portion{bytes: limit, most: limit, limit: limit} }

// take returns how many of the lines, from the first, go into the next request, and their bytes with a newline each.
// first is the number of the first line.
func (p *portion) take(lines [][]byte, first uint64) (n, bytes int) {
	for n < len(lines) {
		more := len(lines[n]) + 1
		if n > 0 && (bytes+more > p.bytes || p.failures > 0 && first == p.first && n == p.lines) {
			break
		}
		bytes += more
		n++
	}
	return n, bytes
}

// accepted notes that a request was taken.
func (p *portion) accepted() {
	p.alone, p.failures = 0, 0
	if p.good++; p.good >= growAfter {
		p.good = 0
		p.most = min(2*p.most, p.limit)
	}
	p.bytes = min(2*p.bytes, p.most)
}

// tooLarge notes that n lines of so many bytes are too much for one request, and says whether fewer may do.
func (p *portion) tooLarge(n, bytes int) bool {
	p.failures = 0
	if n == 1 {
		// It was about this line. The next request stays small, for a peer that finds everything too large.
		p.most = p.limit
		return false
	}
	p.good = 0
	p.most = bytes / 2
	p.bytes = p.most
	return true
}

// refused notes that n lines of so many bytes were refused, and says whether it is worth while to look for the ones
// that are to blame.
func (p *portion) refused(n, bytes int) bool {
	p.failures = 0
	if p.alone >= maxAlone {
		p.bytes = min(2*bytes, p.most) // nothing is looked for, in ever larger steps
		return false
	}
	if n == 1 {
		p.alone++
		return false
	}
	p.bytes = bytes / 2
	return true
}

// failed notes that nobody knows what became of a request. When it fails again, that may be because of its size: it
// takes too long, or the peer breaks the connection instead of saying so.
func (p *portion) failed(first uint64, n, bytes int) {
	if p.failures == 0 || first != p.first || n != p.lines {
		p.first, p.lines, p.failures = first, n, 1
		return
	}
	p.failures = 0
	if n > 1 {
		p.bytes = bytes / 2
	}
}
