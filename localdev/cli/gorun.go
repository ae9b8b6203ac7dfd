package cli

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// followGoRun ends the program when it was started by go run and that is gone: SIGTERM ends go run without a word to
// the program that it runs. A program that was started otherwise outlives its parent, as under nohup.
func followGoRun(ctx context.Context, end func()) {
	if !startedByGo() {
		return
	}
	parent := os.Getppid()
	go func() {
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if os.Getppid() != parent {
					end()
					return
				}
			}
		}
	}()
}

// startedByGo reports whether the parent is the go command. Where the executable lies does not tell: go run may take it
// from a cache with any name.
func startedByGo() bool {
	parent := strconv.Itoa(os.Getppid())
	name, err := os.ReadFile("/proc/" + parent + "/comm")
	if err != nil {
		name, err = exec.Command("ps", "-o", "comm=", "-p", parent).Output()
	}
	return err == nil && filepath.Base(strings.TrimSpace(string(name))) == "go"
}
