package state

import "time"

// Options say where state is kept, and how much of it. Zero fields take the default that they name.
type Options struct {
	// Dir is the folder of the file; it is made if it is not there. "": state is in memory only.
	Dir string
	// Interval is the longest time from a commit to its being on disk, as long as the disk works; 1 s.
	Interval time.Duration
	// KeepGone is for how long the state of a check is kept that no script has any more; 30 days.
	KeepGone time.Duration
	// LockWait is how long to wait for another process to let go of the folder; 2 s.
	LockWait time.Duration
	Limits   Limits
	// OnEvent is called when state was lost or cannot be saved, each time that is tried, and with nil when it is
	// saved again after that. It must not block. nil: nobody is told.
	OnEvent func(error)
}

// Limits bound what is kept. Zero fields take the default that they name.
type Limits struct {
	Name  int   // bytes of a name; 256
	Value int   // bytes of one value, as it is kept; 64 KiB
	Names int   // of one check; 1000
	Check int   // bytes of one check, names and values; 256 KiB
	Total int64 // bytes of all checks together; 64 MiB
}

func (o Options) withDefaults() Options {
	for _, d := range []struct {
		value *time.Duration
		or    time.Duration
	}{{&o.Interval, time.Second}, {&o.KeepGone, 30 * 24 * time.Hour}, {&o.LockWait, 2 * time.Second}} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
	for _, d := range []struct {
		value *int
		or    int
	}{{&o.Limits.Name, 256}, {&o.Limits.Value, 64 << 10}, {&o.Limits.Names, 1000}, {&o.Limits.Check, 256 << 10}} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
	if o.Limits.Total <= 0 {
		o.Limits.Total = 64 << 20
	}
	return o
}
