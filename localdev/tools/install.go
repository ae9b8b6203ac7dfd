package tools

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Install returns the path of a tool, and installs it first where it is missing. What it does is written to progress,
// which may be nil. Building MinIO takes minutes the first time; a second Install of the same version at the same time
// waits for the first one and uses its result. It ends soon after ctx does.
func Install(ctx context.Context, name string, progress io.Writer) (string, error) {
	if progress == nil {
		progress = io.Discard
	}
	t, err := Lookup(name)
	if err != nil {
		return "", err
	}
	if path, err := Find(name); err == nil {
		return path, nil
	}
	if t.Debian != "" {
		return installPackage(ctx, t, progress)
	}
	dir, err := t.folder()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("tools: folder for %s: %w", t.Name, err)
	}
	unlock, err := lock(ctx, filepath.Join(dir, ".lock"))
	if err != nil {
		return "", fmt.Errorf("tools: waiting for another installation of %s: %w", t.Name, err)
	}
	defer unlock()
	if path, err := Find(name); err == nil {
		return path, nil
	}
	if err := build(ctx, t, dir, progress); err != nil {
		return "", err
	}
	return Find(name)
}

// build runs go install into a folder beside the final one and moves the result: a build that is killed leaves
// nothing that Find would take for the tool.
func build(ctx context.Context, t Tool, dir string, progress io.Writer) error {
	tmp, err := os.MkdirTemp(dir, "build-")
	if err != nil {
		return fmt.Errorf("tools: folder for the build of %s: %w", t.Name, err)
	}
	defer os.RemoveAll(tmp)
	fmt.Fprintf(progress, "building %s %s\n", t.Title, t.Version)
	cmd := exec.CommandContext(ctx, "go", "install", "-trimpath", "-ldflags=-s -w", t.Package+"@"+t.Version)
	// A workspace or a vendor flag of the project must not leak into the build of somebody else's program.
	cmd.Env = append(os.Environ(), "GOBIN="+tmp, "GOWORK=off", "GOFLAGS=-mod=mod", "CGO_ENABLED=0")
	var tail tail
	cmd.Stdout, cmd.Stderr = progress, io.MultiWriter(progress, &tail)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("tools: go install %s@%s: %w: %s", t.Package, t.Version, err, tail.String())
	}
	return os.Rename(filepath.Join(tmp, t.executable()), filepath.Join(dir, t.executable()))
}

// installPackage installs a program of the system where it may, and says what to do where it may not.
func installPackage(ctx context.Context, t Tool, progress io.Writer) (string, error) {
	apt, err := exec.LookPath("apt-get")
	if err != nil {
		return "", fmt.Errorf("tools: %s is not on the PATH, and there is no apt-get to install it: "+
			"install %s with this system's package manager", t.Name, t.Title)
	}
	if os.Geteuid() != 0 {
		return "", fmt.Errorf("tools: %s is not on the PATH: install it with: sudo apt-get install %s", t.Name, t.Debian)
	}
	for _, args := range [][]string{{"update", "-q"}, {"install", "-y", "-q", "--no-install-recommends", t.Debian}} {
		cmd := exec.CommandContext(ctx, apt, args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		var tail tail
		cmd.Stdout, cmd.Stderr = progress, io.MultiWriter(progress, &tail)
		if err := cmd.Run(); err != nil {
			return "", fmt.Errorf("tools: apt-get %s: %w: %s", strings.Join(args, " "), err, tail.String())
		}
	}
	return Find(t.Name)
}

// tail keeps the end of what is written to it, for an error message.
type tail struct{ kept []byte }

// tailSize is how many bytes of output an error message quotes.
const tailSize = 2000

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if n := len(t.kept) - tailSize; n > 0 {
		t.kept = append(t.kept[:0], t.kept[n:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return strings.TrimSpace(string(t.kept)) }
