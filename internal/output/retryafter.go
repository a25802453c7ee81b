package output

import (
	"net/http"
	"strconv"
	"time"
)

// retryAfter reads the header Retry-After (RFC 9110, section 10.2.3), which is a number of seconds or a date. A date is
// compared with the peer's own clock, if it tells that, for ours may differ. The result is from 0, also where there is
// no header or one that makes no sense, to maxRetryAfter.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if text == "" {
		return 0
	}
	if onlyDigits(text) {
		seconds, err := strconv.ParseUint(text, 10, 31)
		if err != nil || seconds > uint64(maxRetryAfter/time.Second) {
			return maxRetryAfter // a number that is too large for one is a long time
		}
		return time.Duration(seconds) * time.Second
	}
	date, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	if theirs, err := http.ParseTime(h.Get("Date")); err == nil {
		now = theirs
	}
	return min(max(date.Sub(now), 0), maxRetryAfter)
}

func onlyDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
