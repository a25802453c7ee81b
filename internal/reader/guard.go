package reader

// guarded calls f on a goroutine of the reader. A panic there is a bug of the daemon: it ends this reader, with an
// error as any other, and not the daemon with all other checks.
func (b *base) guarded(f func() error) (err error) {
	if b.options.OnPanic == nil {
		return f()
	}
	defer func() {
		if crash := recover(); crash != nil {
			err = b.options.OnPanic(crash)
		}
	}()
	return f()
}
