package process

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
)

// CanFreeze reports whether processes can be stopped and measured here.
const CanFreeze = true

// Memory returns the resident bytes of a process now and at most; zeros for one that is gone.
func Memory(pid int) (now, peak int64) {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, 0
	}
	return kilobytes(status, "VmRSS:") << 10, kilobytes(status, "VmHWM:") << 10
}

func kilobytes(status []byte, name string) int64 {
	_, rest, ok := bytes.Cut(status, []byte(name))
	if !ok {
		return 0
	}
	fields := bytes.Fields(rest[:min(len(rest), 40)])
	if len(fields) == 0 {
		return 0
	}
	n, err := strconv.ParseInt(string(fields[0]), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// GroupMemory returns the resident bytes of all processes of a group. What they share counts once for each.
func GroupMemory(group int) int64 {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0
	}
	var sum int64
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		_, rest, ok := bytes.Cut(stat, []byte(") "))
		fields := bytes.Fields(rest) // state, parent, group, ...; resident pages are the 22nd
		if !ok || len(fields) < 22 || string(fields[2]) != strconv.Itoa(group) {
			continue
		}
		if pages, err := strconv.ParseInt(string(fields[21]), 10, 64); err == nil {
			sum += pages * int64(os.Getpagesize())
		}
	}
	return sum
}
