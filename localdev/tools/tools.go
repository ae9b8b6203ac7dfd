// Package tools finds and installs the servers that the integration tests and the local runner use: MinIO and
// Versity Gateway, built from pinned versions of their Go modules, and Redis, which the system's packages bring.
//
// What is built lands in a folder of its own for each name and version, so that a new pin never meets an old binary
// and several checkouts share one build: $STILLWARM_TOOLS, or stillwarm/tools in the user's cache folder.
package tools

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
)

// Tool is one program that can be found and installed. Its fields are constants of the project and shared: do not
// change them.
type Tool struct {
	// Name is the name of the executable, and what Find and Install know it by.
	Name string
	// Title is the name its makers give it.
	Title string
	// Package is the Go import path that go install builds; empty for a program of the system.
	Package string
	// Version is the module version that is built; empty for a program of the system.
	Version string
	// Tests says that only the tests use it.
	Tests bool
	// Debian is the Debian package of a program of the system; empty for what Go builds.
	Debian string
}

// pinned is the only place where versions stand: the tests, the local runner and CI read them here. MinIO's releases
// carry tags that are not semantic versions, so a release is named by the pseudo-version of its commit.
var pinned = []Tool{
	{
		Name: "redis-server", Title: "Redis", Debian: "redis-server",
	},
	{
		Name: "minio", Title: "MinIO",
		Package: "github.com/minio/minio", Version: "v0.0.0-20260212201848-7aac2a2c5b7c",
	},
	{
		Name: "versitygw", Title: "Versity Gateway",
		Package: "github.com/versity/versitygw/cmd/versitygw", Version: "v1.8.0",
	},
	{
		Name: "chromium", Title: "Chromium", Debian: "chromium", Tests: true,
	},
}

// All returns every tool, cheapest to install first. The slice is the caller's own.
func All() []Tool { return slices.Clone(pinned) }

// Lookup returns the tool of that name, or an error that lists the names there are.
func Lookup(name string) (Tool, error) {
	for _, t := range pinned {
		if t.Name == name {
			return t, nil
		}
	}
	return Tool{}, fmt.Errorf("tools: unknown tool %q: there are %s", name, names())
}

// NotFoundError says that a tool is not installed, and how to install it.
type NotFoundError struct {
	Tool Tool
	// Looked is where it was looked for.
	Looked string
}

// Error returns the tool, the place where it was looked for, and the command that installs it.
func (e *NotFoundError) Error() string {
	return fmt.Sprintf("%s (%s) is not installed: not in %s; install it with: go run ./tests/cmd/install-tools %s",
		e.Tool.Title, e.Tool.Name, e.Looked, e.Tool.Name)
}

// Find returns the path of an installed tool without installing anything. Where it is missing, the error is a
// [*NotFoundError]. A tool that Go builds is found in its own folder only, never on the PATH, so that the version
// that runs is the version that is pinned.
func Find(name string) (string, error) {
	t, err := Lookup(name)
	if err != nil {
		return "", err
	}
	if t.Debian != "" {
		path, err := exec.LookPath(t.Name)
		if err != nil {
			return "", &NotFoundError{Tool: t, Looked: "the PATH"}
		}
		return path, nil
	}
	dir, err := t.folder()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, t.executable())
	if info, err := os.Stat(path); err != nil || info.IsDir() {
		return "", &NotFoundError{Tool: t, Looked: dir}
	}
	return path, nil
}

// Root returns the folder below which tools are installed: $STILLWARM_TOOLS, or stillwarm/tools in the user's cache
// folder. It may not exist yet.
func Root() (string, error) {
	if dir := os.Getenv("STILLWARM_TOOLS"); dir != "" {
		return filepath.Abs(dir)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("tools: no folder for tools: %w; set STILLWARM_TOOLS to one", err)
	}
	return filepath.Join(cache, "stillwarm", "tools"), nil
}

// folder returns where this version of the tool belongs.
func (t Tool) folder() (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	return filepath.Join(root, t.Name+"@"+t.Version), nil
}

// executable returns the file name that go install gives the tool on this system.
func (t Tool) executable() string {
	if runtime.GOOS == "windows" {
		return t.Name + ".exe"
	}
	return t.Name
}

// names lists the known names for a message.
func names() string {
	s := ""
	for i, t := range pinned {
		if i > 0 {
			s += ", "
		}
		s += t.Name
	}
	return s
}
