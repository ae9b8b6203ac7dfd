package disk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
)

// This test binary runs itself as the other processes on the folder; the environment says what they do.
const roleVar, dirVar = "STILLWARM_DISK_TEST_ROLE", "STILLWARM_DISK_TEST_DIR"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVar) {
	case "":
		os.Exit(m.Run())
	case "writer":
		writeUntilKilled(os.Getenv(dirVar))
	case "racer":
		raceForLeases(os.Getenv(dirVar))
	}
}

func child(t *testing.T, role, dir string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), roleVar+"="+role, dirVar+"="+dir)
	cmd.Stderr = os.Stderr
	return cmd
}

func childStore(dir string) *store {
	m, err := New(Options{Dir: dir, NoSync: true})
	if err != nil {
		panic(err)
	}
	s, err := m.Store(context.Background(), backends.Function{Name: "f"})
	if err != nil {
		panic(err)
	}
	return s.(*store)
}

// body returns an entry whose length and every byte follow from id.
func body(id byte) []byte { return bytes.Repeat([]byte{id}, 50_000+int(id)*911) }

func writeUntilKilled(dir string) {
	s := childStore(dir)
	for i := 0; ; i++ {
		key := fmt.Sprint("k", i%7)
		if err := backendstest.Put(context.Background(), s, key, body(byte(rand.IntN(256))), time.Time{}); err != nil {
			fmt.Fprintln(os.Stderr, "Put:", err)
			os.Exit(1)
		}
		if i%13 == 0 {
			_ = backendstest.Clear(context.Background(), s)
		}
		if i == 0 {
			fmt.Println("writing") // the parent may kill from now on
		}
	}
}

func TestKilledWriters(t *testing.T) {
	t.Run("W6 leave entries whole or absent", killedWriters)
}

func killedWriters(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows refuses to replace a file that is open")
	}
	dir := t.TempDir()
	kills := 40
	if testing.Short() {
		kills = 8
	}
	s := storeOf(t, open(t, Options{Dir: dir, NoSync: true}), "f")
	found := 0
	for range kills {
		killWriter(t, dir)
		// First the files themselves: Get would take a damaged one for a miss and remove it.
		err := walkFunction(t.Context(), s.dir, func(path string, _ os.FileInfo) error {
			_, _, err := s.m.readFile(path)
			return err
		})
		if err != nil {
			t.Fatalf("a kill left a damaged entry: %v", err)
		}
		for i := range 7 {
			key := fmt.Sprint("k", i)
			got, _, err := backendstest.Get(t.Context(), s, key)
			if errors.Is(err, backendstest.ErrNone) {
				continue
			}
			if err != nil || len(got) == 0 || !bytes.Equal(got, body(got[0])) {
				t.Fatalf("Get(%s) after a kill: %d bytes, %v", key, len(got), err)
			}
			found++
		}
	}
	if found < kills {
		t.Fatalf("%d entries were found after %d kills: too few to prove anything", found, kills)
	}
}

// killWriter starts a writer and kills it at a random point of its work.
func killWriter(t *testing.T, dir string) {
	t.Helper()
	cmd := child(t, "writer", dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatalf("the writer did not begin: %v", err)
	}
	<-time.After(time.Duration(rand.IntN(8000)) * time.Microsecond)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

func TestTemporaryFilesThatKilledWritersLeftGoWhenTheyAreOld(t *testing.T) {
	dir := t.TempDir()
	s := storeOf(t, open(t, Options{Dir: dir, NoSync: true}), "f")
	_, path := s.locate("k")
	for _, d := range []string{dir, s.dir, filepath.Dir(path), filepath.Join(s.dir, leasesName)} {
		if err := os.MkdirAll(d, dirMode); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d, tempPrefix+"left"), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.m.sweep(t.Context(), s.m.max, s.m.max)
	if n := len(temps(dir)); n != 4 {
		t.Fatalf("%d young temporary files are left of 4: a writer may be at work", n)
	}
	old := time.Now().Add(-2 * tempAge)
	for _, path := range temps(dir) {
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	s.m.sweep(t.Context(), s.m.max, s.m.max)
	if left := temps(dir); len(left) != 0 {
		t.Fatalf("left: %v", left)
	}
}

func temps(dir string) (paths []string) {
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(d.Name(), tempPrefix) {
			paths = append(paths, path)
		}
		return nil
	})
	return paths
}

const leaseKeys = 12

// raceForLeases has goroutines of this process try for every key, in the same order as all others, and notes each
// success in a file of its own.
func raceForLeases(dir string) {
	fmt.Println("ready")
	for _, err := os.Stat(filepath.Join(dir, "go")); err != nil; _, err = os.Stat(filepath.Join(dir, "go")) {
		<-time.After(time.Millisecond)
	}
	s := childStore(filepath.Join(dir, "cache"))
	for k := range leaseKeys {
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				_, err := backendstest.Lease(context.Background(), s, fmt.Sprint("k", k), time.Hour)
				switch {
				case err == nil:
					_ = os.WriteFile(filepath.Join(dir, fmt.Sprintf("won-%d-%d-%d", k, os.Getpid(), g)), nil, 0o600)
				case !errors.Is(err, backends.ErrLeased):
					fmt.Fprintln(os.Stderr, "Lease:", err)
					os.Exit(1)
				}
			})
		}
		wg.Wait()
	}
}

func TestOneOfManyProcessesGetsALeaseFreshOrOver(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no flock: leases hold within one process")
	}
	processes := 20
	if testing.Short() {
		processes = 5
	}
	dir := t.TempDir()
	// Half of the keys have a lease that is over: taking over is the harder race.
	s := storeOf(t, open(t, Options{Dir: filepath.Join(dir, "cache"), NoSync: true, Clock: func() time.Time {
		return time.Now().Add(-time.Hour)
	}}), "f")
	for k := 0; k < leaseKeys; k += 2 {
		if _, err := backendstest.Lease(t.Context(), s, fmt.Sprint("k", k), time.Second); err != nil {
			t.Fatal(err)
		}
	}
	var cmds []*exec.Cmd
	for range processes {
		cmd := child(t, "racer", dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 1)); err != nil {
			t.Fatalf("a racer did not begin: %v", err)
		}
		cmds = append(cmds, cmd)
	}
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Errorf("a racer failed: %v", err)
		}
	}
	for k := range leaseKeys {
		won, err := filepath.Glob(filepath.Join(dir, fmt.Sprintf("won-%d-*", k)))
		if err != nil || len(won) != 1 {
			t.Errorf("key %d: %d holders (%v), want 1", k, len(won), err)
		}
	}
}
