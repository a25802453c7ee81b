package luapattern

import "strings"

// maxCachedLength is the longest pattern, in bytes, that a Cache keeps: longer
// ones are made by programs, and seldom twice.
const maxCachedLength = 512

// A Cache remembers compiled patterns: those used since about the last size
// different ones, never more than two times size. It belongs to its owner, whose
// lock guards it.
type Cache struct {
	size int
	// A pattern is moved to recent when it is used; when recent is full it
	// becomes older, and what was there is forgotten.
	recent, older map[string]*Pattern
}

// NewCache gives an empty cache; size is in patterns.
func NewCache(size int) *Cache {
	return &Cache{size: max(size, 1), recent: make(map[string]*Pattern)}
}

// Compile is [Compile], and remembers its result. The cache and what it gives
// hold on to no part of p's memory, which may be a small part of a large string.
func (c *Cache) Compile(p string) (*Pattern, error) {
	if compiled, ok := c.recent[p]; ok {
		return compiled, nil
	}
	compiled, ok := c.older[p]
	if !ok {
		var err error
		if compiled, err = Compile(p); err != nil {
			return nil, err
		}
		if len(p) > maxCachedLength {
			return compiled, nil
		}
	}
	if len(c.recent) >= c.size {
		c.older, c.recent = c.recent, make(map[string]*Pattern)
	}
	c.recent[strings.Clone(p)] = compiled
	return compiled, nil
}

// Len is how many patterns are remembered. Those that are both recent and older
// count twice.
func (c *Cache) Len() int { return len(c.recent) + len(c.older) }
