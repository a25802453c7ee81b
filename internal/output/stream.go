package output

// maxKeptBuffer is the largest buffer kept between two batches, in bytes.
const maxKeptBuffer = 1 << 20

// joinLines writes lines, each with a newline, into buf, which is made anew where it is too small or was
// made very large by an unusual line.
func joinLines(buf []byte, lines [][]byte) []byte {
	need := bytesOf(lines)
	if cap(buf) < need || cap(buf) > maxKeptBuffer {
		buf = make([]byte, 0, need)
	}
	return appendLines(buf[:0], lines)
}

func appendLines(buf []byte, lines [][]byte) []byte {
	for _, line := range lines {
		buf = append(append(buf, line...), '\n')
	}
	return buf
}

// bytesOf is how many bytes lines take in a stream.
func bytesOf(lines [][]byte) (n int) {
	for _, line := range lines {
		n += len(line) + 1
	}
	return n
}

// wholeLines returns how many of lines are complete, newline included, in the first n bytes of the stream.
func wholeLines(lines [][]byte, n int) int {
	for i, line := range lines {
		if n -= len(line) + 1; n < 0 {
			return i
		}
	}
	return len(lines)
}
