package main

import (
	"bufio"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// movedClocks are the clocks of one process, as that process reads them: the machine's own, each moved by a number of
// seconds. No test can set the machine's clock, but a process reads it by a function that the kernel maps into it (the
// vDSO), and its parent may write there. So the daemon runs as it is, with a clock that steps.
//
// Only reading is moved: the kernel's timers go on by the machine's clocks, as they do when the clock is set.
type movedClocks struct {
	pid     int
	offsets int64 // where the process has its two numbers of seconds
}

// clockCode is a clock_gettime of x86-64 that asks the kernel, and then adds the offset of CLOCK_REALTIME or of
// CLOCK_MONOTONIC. The offsets follow it.
var clockCode = []byte{
	0xb8, 0xe4, 0, 0, 0, // mov eax, SYS_clock_gettime
	0x0f, 0x05, // syscall: edi is the clock, rsi the timespec
	0x85, 0xff, // test edi, edi
	0x74, 0x0e, // jz wall
	0x83, 0xff, 0x01, // cmp edi, CLOCK_MONOTONIC
	0x75, 0x13, // jne done
	0x48, 0x8b, 0x0d, 0x19, 0, 0, 0, // mov rcx, [monotonic]
	0xeb, 0x07, // jmp add
	0x48, 0x8b, 0x0d, 0x08, 0, 0, 0, // wall: mov rcx, [wall]
	0x48, 0x01, 0x0e, // add: add [rsi], rcx
	0xc3,                   // done: ret
	0x90, 0x90, 0x90, 0x90, // up to 40 bytes: the offsets are aligned, and written at once
}

// moveClocks takes over the clocks of a process, which must be running and a child of the test.
func moveClocks(t *testing.T, pid int) *movedClocks {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Skip("the code that moves a clock is for amd64")
	}
	start, image := vdso(t, pid)
	file, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := file.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(symbols, func(s elf.Symbol) bool { return s.Name == "__vdso_clock_gettime" })
	if i < 0 || symbols[i].Size < uint64(len(clockCode)+24) {
		t.Skip("this kernel's vDSO has no place for the code that moves a clock")
	}
	function := start + int64(symbols[i].Value)
	aligned := (function + 7) &^ 7
	code := append(bytes.Repeat([]byte{0x90}, int(aligned-function)), clockCode...)
	code = append(code, make([]byte, 16)...)
	m := &movedClocks{pid: pid, offsets: aligned + int64(len(clockCode))}
	// A thread that is just reading the clock would go on in the middle of the new code.
	for {
		m.pause(t)
		if !m.reading(t, function, function+int64(symbols[i].Size)) {
			break
		}
		m.resume(t)
	}
	m.write(t, function, code)
	m.resume(t)
	return m
}

// vdso finds where a process has its vDSO, and what is there.
func vdso(t *testing.T, pid int) (start int64, image []byte) {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(maps)); lines.Scan(); {
		var end int64
		if !strings.HasSuffix(lines.Text(), "[vdso]") {
			continue
		}
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x", &start, &end); err != nil {
			t.Fatal(err)
		}
		image = make([]byte, end-start)
	}
	if image == nil {
		t.Skip("the kernel maps no vDSO into processes")
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	if _, err := mem.ReadAt(image, start); err != nil {
		t.Fatal(err)
	}
	return start, image
}

// set moves the clocks to so many seconds from the machine's.
func (m *movedClocks) set(t *testing.T, wall, monotonic time.Duration) {
	t.Helper()
	seconds := binary.LittleEndian.AppendUint64(nil, uint64(int64(wall/time.Second)))
	m.write(t, m.offsets, seconds)
	seconds = binary.LittleEndian.AppendUint64(nil, uint64(int64(monotonic/time.Second)))
	m.write(t, m.offsets+8, seconds)
}

func (m *movedClocks) write(t *testing.T, at int64, b []byte) {
	t.Helper()
	mem, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", m.pid), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	if _, err := mem.WriteAt(b, at); err != nil {
		t.Skipf("the memory of another process cannot be written here: %v", err)
	}
}

// pause stops all threads.
func (m *movedClocks) pause(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(m.pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; {
		if !slices.ContainsFunc(m.threads(t, "stat"), func(stat string) bool {
			_, state, _ := strings.Cut(stat, ") ")
			return !strings.HasPrefix(state, "T")
		}) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the daemon does not stop")
		}
		time.Sleep(time.Millisecond) // between two looks; nothing depends on how long it is
	}
}

func (m *movedClocks) resume(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(m.pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
}

// reading tells whether a thread of the stopped process is at an address from start to end.
func (m *movedClocks) reading(t *testing.T, start, end int64) bool {
	return slices.ContainsFunc(m.threads(t, "syscall"), func(call string) bool {
		fields := strings.Fields(call) // the last is where the thread is
		at, err := strconv.ParseInt(strings.TrimPrefix(fields[len(fields)-1], "0x"), 16, 64)
		if err != nil {
			t.Fatalf("where a thread is: %q", call)
		}
		return start <= at && at < end
	})
}

// threads reads a file of each thread.
func (m *movedClocks) threads(t *testing.T, file string) (all []string) {
	t.Helper()
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/%s", m.pid, file))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no threads: %v", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			continue // it has ended
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(text))
	}
	return all
}
