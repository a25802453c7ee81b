package luapattern

import (
	"fmt"
	"strings"
	"testing"
)

func TestCacheGivesTheSamePatternAgain(t *testing.T) {
	c := NewCache(2)
	first, err := c.Compile("a+")
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{"b", "a+", "c", "a+", "d", "a+", "e"} {
		if _, err := c.Compile(other); err != nil {
			t.Fatal(err)
		}
	}
	if again, _ := c.Compile("a+"); again != first {
		t.Error("a pattern in use was forgotten")
	}
}

func TestCacheIsBounded(t *testing.T) {
	const size = 10
	c := NewCache(size)
	for i := range 1000 {
		if _, err := c.Compile(fmt.Sprint("x", i)); err != nil {
			t.Fatal(err)
		}
		if c.Len() > 2*size {
			t.Fatalf("%d patterns, want at most %d", c.Len(), 2*size)
		}
	}
}

func TestCacheKeepsNoLongPatternAndNoError(t *testing.T) {
	c := NewCache(10)
	if _, err := c.Compile(strings.Repeat("a", maxCachedLength+1)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := c.Compile("("); err == nil || err.Error() != "unfinished capture" {
			t.Errorf("%v, want unfinished capture", err)
		}
	}
	if c.Len() != 0 {
		t.Errorf("%d patterns, want none", c.Len())
	}
}
