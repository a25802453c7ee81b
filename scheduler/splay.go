package scheduler

import (
	"hash/fnv"
	"io"
	"math/bits"
	"time"
)

// stableBelow returns a duration in [0, limit) that depends on the name alone: the same in each process
// on each machine. It is FNV-1a, mixed by the finalizer of MurmurHash3 since the high bits of FNV hardly
// differ for names that differ in their last characters, as those of checks do.
func stableBelow(name string, limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	hash := fnv.New64a()
	_, _ = io.WriteString(hash, name) // a hash returns no error
	h := hash.Sum64()
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	high, _ := bits.Mul64(h, uint64(limit))
	return time.Duration(high)
}
