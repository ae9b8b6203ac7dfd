package process_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stillwarm/stillwarm/localdev/internal/process"
	"github.com/stillwarm/stillwarm/localdev/internal/proctest"
)

// lines collects output.
type lines struct {
	mu   sync.Mutex
	list []string
}

func (l *lines) add(b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, string(b))
}

func (l *lines) get() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string{}, l.list...)
}

func shell(t *testing.T, script string, keeper *process.Keeper) (*process.Process, *lines) {
	t.Helper()
	out := &lines{}
	p, err := process.Start(process.Spec{
		Path: "/bin/sh", Args: []string{"-c", script}, Dir: t.TempDir(), Env: []string{"PATH=" + os.Getenv("PATH")},
		Output: out.add, Keeper: keeper,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Kill(); <-p.Done() })
	return p, out
}

func TestOutput(t *testing.T) {
	t.Run("every line arrives, in order, from both streams, with the last one unfinished", func(t *testing.T) {
		p, out := shell(t, `echo one; echo two >&2; printf 'three\r\n'; printf four`, nil)
		<-p.Done()
		if got := out.get(); !reflect.DeepEqual(got, []string{"one", "two", "three", "four"}) {
			t.Errorf("%q", got)
		}
	})
	t.Run("Sync returns when all that was written has arrived", func(t *testing.T) {
		gate := filepath.Join(t.TempDir(), "written")
		p, out := shell(t, `i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; printf open; : > `+gate+`; sleep 600`, nil)
		proctest.Eventually(t, "the script to write", func() bool { _, err := os.Stat(gate); return err == nil })
		p.Sync()
		got := out.get()
		if len(got) != 2001 || got[1999] != "line 1999" || got[2000] != "open" {
			t.Errorf("%d lines, the last %q", len(got), got[max(0, len(got)-2):])
		}
	})
	t.Run("concurrent Syncs all return, also when the process is gone", func(t *testing.T) {
		p, _ := shell(t, `echo x`, nil)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(p.Sync)
		}
		wg.Wait()
		<-p.Done()
		p.Sync()
	})
	t.Run("a line without an end is cut into pieces instead of filling the memory", func(t *testing.T) {
		p, out := shell(t, `head -c 1000000 /dev/zero | tr '\0' x`, nil)
		<-p.Done()
		if got := strings.Join(out.get(), ""); len(got) != 1000000 {
			t.Errorf("%d bytes", len(got))
		}
	})
}

func TestEnds(t *testing.T) {
	t.Run("the exit is worded as Lambda words it", func(t *testing.T) {
		for script, want := range map[string]string{"exit 0": "", "exit 5": "exit status 5", "kill -KILL $$": "signal: killed"} {
			p, _ := shell(t, script, nil)
			<-p.Done()
			if p.Exit() != want {
				t.Errorf("%s: %q", script, p.Exit())
			}
		}
	})
	t.Run("Kill ends the children too", func(t *testing.T) {
		p, out := shell(t, `sleep 600 & echo $!; wait`, nil)
		child := firstPID(t, out)
		p.Kill()
		<-p.Done()
		proctest.WaitGone(t, child)
	})
	t.Run("what a process leaves behind ends with it, and holds up nothing", func(t *testing.T) {
		p, out := shell(t, `sleep 600 & echo $!`, nil)
		<-p.Done()
		proctest.WaitGone(t, firstPID(t, out))
	})
	t.Run("an executable that is none is named", func(t *testing.T) {
		if _, err := process.Start(process.Spec{Path: "/does/not/exist"}); err == nil || !strings.Contains(err.Error(), "/does/not/exist") {
			t.Error(err)
		}
	})
}

func TestKeeper(t *testing.T) {
	t.Run("its end ends the groups that still live and removes the folder", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "a folder's name")
		if err := os.MkdirAll(filepath.Join(folder, "sub"), 0o700); err != nil {
			t.Fatal(err)
		}
		k := process.NewKeeper(folder)
		over, _ := shell(t, `exit 0`, k)
		<-over.Done()
		p, out := shell(t, `sleep 600 & echo $!; wait`, k)
		child := firstPID(t, out)
		k.Close()
		<-p.Done()
		proctest.WaitGone(t, child)
		if _, err := os.Stat(folder); !os.IsNotExist(err) {
			t.Error(err)
		}
	})
	t.Run("none does nothing", func(t *testing.T) {
		var k *process.Keeper
		p, _ := shell(t, `exit 0`, k)
		<-p.Done()
		k.Close()
	})
}

func firstPID(t *testing.T, out *lines) int {
	t.Helper()
	proctest.Eventually(t, "the child's id", func() bool { return len(out.get()) > 0 })
	pid, err := strconv.Atoi(out.get()[0])
	if err != nil {
		t.Fatal(fmt.Errorf("%q: %w", out.get(), err))
	}
	return pid
}
