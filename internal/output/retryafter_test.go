package output

import (
	"net/http"
	"testing"
	"time"
)

var retryNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestRetryAfter(t *testing.T) {
	tests := []struct {
		name, header, date string
		want               time.Duration
	}{
		{name: "nothing"},
		{name: "seconds", header: "120", want: 2 * time.Minute},
		{name: "no time at all", header: "0"},
		{name: "leading zeros", header: "0007", want: 7 * time.Second},
		{name: "more than is believed", header: "86400", want: maxRetryAfter},
		{name: "more than a number holds", header: "99999999999999999999999", want: maxRetryAfter},
		{name: "less than nothing", header: "-5"},
		{name: "a fraction", header: "1.5"},
		{name: "a date", header: "Sun, 01 Mar 2026 12:00:30 GMT", want: 30 * time.Second},
		{name: "a date by a clock that is an hour late", header: "Sun, 01 Mar 2026 11:00:30 GMT", date: "Sun, 01 Mar 2026 11:00:00 GMT", want: 30 * time.Second},
		{name: "a date of the old form", header: "Sunday, 01-Mar-26 12:00:30 GMT", want: 30 * time.Second},
		{name: "a date of asctime's", header: "Sun Mar  1 12:00:30 2026", want: 30 * time.Second},
		{name: "a date that has passed", header: "Sun, 01 Mar 2026 11:00:00 GMT"},
		{name: "a date far away", header: "Sun, 01 Mar 2099 11:00:00 GMT", want: maxRetryAfter},
		{name: "no date", header: "soon"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{}
			if tt.header != "" {
				h.Set("Retry-After", tt.header)
			}
			if tt.date != "" {
				h.Set("Date", tt.date)
			}
			if got := retryAfter(h, retryNow); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("120", "")
	f.Add("99999999999999999999999", "")
	f.Add("Sun, 01 Mar 2026 12:00:30 GMT", "Sun, 01 Mar 0001 12:00:30 GMT")
	f.Add("Sun, 01 Mar 9999 12:00:30 GMT", "Sunday, 01-Mar-26 12:00:30 GMT")
	f.Add("-1", "x")
	f.Fuzz(func(t *testing.T, after, date string) {
		got := retryAfter(http.Header{"Retry-After": {after}, "Date": {date}}, retryNow)
		if got < 0 || got > maxRetryAfter {
			t.Errorf("%q with the date %q gives %v", after, date, got)
		}
	})
}
