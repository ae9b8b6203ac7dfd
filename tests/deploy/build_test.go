package deploy

import (
	"context"
	"debug/elf"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/localdev/runner"
)

// samBuild does what sam build does with BuildMethod: makefile: it calls the function's target in dir, with the folder
// for what is to be deployed in ARTIFACTS_DIR. It returns the executable.
func samBuild(t *testing.T, dir, arch string) string {
	t.Helper()
	artifacts := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "make", "build-DemoFunction")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "ARTIFACTS_DIR="+artifacts, "ARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make build-DemoFunction for %s: %v\n%s", arch, err, out)
	}
	files, err := os.ReadDir(artifacts)
	if err != nil || len(files) != 1 || files[0].Name() != "bootstrap" {
		t.Fatalf("the build leaves %v (%v), want bootstrap alone", files, err)
	}
	return filepath.Join(artifacts, "bootstrap")
}

// scratch copies the repository as SAM does before it builds, without .git and .aws-sam.
func scratch(t *testing.T) string {
	t.Helper()
	to := t.TempDir()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if rel != "." && strings.HasPrefix(d.Name(), ".") {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), text, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func needMake(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("make is not installed")
	}
}

func TestBuildGivesAStaticExecutableForEachArchitecture(t *testing.T) {
	needMake(t)
	for arch, machine := range map[string]elf.Machine{"arm64": elf.EM_AARCH64, "x86_64": elf.EM_X86_64} {
		t.Run(arch, func(t *testing.T) {
			binary := samBuild(t, root, arch)
			f, err := elf.Open(binary)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if f.Machine != machine {
				t.Errorf("built for %v", f.Machine)
			}
			if f.Section(".interp") != nil || f.Section(".symtab") != nil {
				t.Error("it is linked dynamically or has its symbols")
			}
			if f.Section(".note.go.buildid") == nil {
				t.Error("it has no build ID: every deploy would start cold")
			}
			if info, err := os.Stat(binary); err != nil || info.Mode()&0o111 == 0 {
				t.Errorf("it is not executable: %v", err)
			}
		})
	}
}

func TestBuildRefusesWhatItCannotBuildFor(t *testing.T) {
	needMake(t)
	for name, c := range map[string]struct {
		env  []string
		want string
	}{
		"an unknown architecture": {[]string{"ARTIFACTS_DIR=" + t.TempDir(), "ARCH=riscv"}, "must be arm64 or x86_64"},
		"no folder":               {nil, "ARTIFACTS_DIR is not set"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "make", "build-DemoFunction")
			cmd.Dir = root
			cmd.Env = append(os.Environ(), c.env...)
			if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), c.want) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// Code identity is the build ID, so a redeploy of the same source must give the same one wherever it was built.
func TestBuildInAScratchFolderGivesTheSameExecutable(t *testing.T) {
	needMake(t)
	arch := map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]
	if arch == "" || runtime.GOOS != "linux" {
		t.Skip("the function runs on Linux only")
	}
	here, there := samBuild(t, root, arch), samBuild(t, scratch(t), arch)
	one, err := os.ReadFile(here)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(there)
	if err != nil {
		t.Fatal(err)
	}
	if string(one) != string(other) {
		t.Errorf("built in the repository it has %d bytes, in a copy %d, and they differ", len(one), len(other))
	}
	t.Run("and it answers behind a Runtime API", func(t *testing.T) { answers(t, there) })
}

// answers runs the executable as Lambda would and asks it twice over its function URL.
func answers(t *testing.T, binary string) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := runner.Start(ctx, runner.Options{Binary: binary, Containers: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	for i, want := range []string{", stillwarm; fwd=uri-miss", ", stillwarm; hit"} {
		status, body := get(ctx, t, r.URL()+"/summary?year=2014&month=7")
		var summary struct{ Days int }
		if err := json.Unmarshal(body, &summary); err != nil || summary.Days != 31 {
			t.Fatalf("answer %d: %v: %s", i+1, err, body)
		}
		if !strings.Contains(status, want) {
			t.Errorf("answer %d says %q, want %q", i+1, status, want)
		}
	}
}

func get(ctx context.Context, t *testing.T, url string) (cacheStatus string, body []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err = io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v: %s", url, res.Status, err, body)
	}
	return res.Header.Get("Cache-Status"), body
}
