package command

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseStat(t *testing.T) {
	const tail = " 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 99 22 23\n"
	want := procInfo{pid: 12, state: 'S', ppid: 3, pgid: 4, sid: 5, start: 99}
	for name, line := range map[string]string{
		"plain":                       "12 (sh) S" + tail,
		"name that looks like stat":   "12 (a) R 1 2) S" + tail,
		"name with spaces and parens": "12 ((x y)) S" + tail,
	} {
		got, err := parseStat([]byte(line))
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(procInfo{})); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	for _, line := range []string{"", "12", "12 (sh", "12 (sh) S 1", "x (sh) S" + tail} {
		if got, err := parseStat([]byte(line)); err == nil {
			t.Errorf("%q gave %+v", line, got)
		}
	}
}

func TestSignalSparesAnotherProcessOfTheSameNumber(t *testing.T) {
	self, err := readProc(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	self.start++
	self.signal(9) // we live on
	if self.alive() {
		t.Error("taken for the same process")
	}
}
