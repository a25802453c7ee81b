package scheduler

import (
	"math/rand/v2"
	"time"
)

// randomBelow returns a random duration in [0, limit), 0 for a limit that is not positive.
func randomBelow(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	return rand.N(limit)
}
