// Package release makes a release of this repository's modules: the files of a Go module proxy, and the commit and the
// tags that give the same modules when somebody fetches them from the repository.
//
// In the repository the modules require each other at v0.0.0 and replace it by a folder. A released module may not: go
// install refuses a main module with replacements. So a release has go.mod and go.sum files of its own, in a commit
// beside the main branch that only the tags hold. RELEASING.md is the way of a release from a maintainer's side.
package release

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Options say what to release. The zero value of each field but Repo and Version has a meaning.
type Options struct {
	// Repo is a folder of the checkout. The commit that it has checked out is released; nothing in it is changed.
	Repo string
	// Version is the version of every module, such as v0.9.0.
	Version string
	// Proxy is the folder that receives the files of a module proxy. Empty: a folder that is removed afterwards, and the
	// commit and the tags are made.
	Proxy string
	// Base is the release whose API the new one is compared with. Empty: the newest tag below Version.
	Base string
	// Verify compares the tags of Version, which must be there, with what would be tagged, and makes nothing. The checkout
	// must be at their commit's parent.
	Verify bool
	// Log receives a line for each step. Nil: nobody.
	Log io.Writer
}

// Result is what a release made.
type Result struct {
	Modules []Module // in order of dependence
	Base    string   // the release that the API was compared with; empty for the first
	Changes []string // how the API differs from it, one line a change
	Commit  string   // the commit of the tags; empty where a proxy folder was asked for
	Tags    []string // to be pushed together
}

// Run makes the release, or returns an error and leaves neither commit nor tags. Files in Options.Proxy may remain. It
// needs git and go on the PATH and ends soon after ctx does.
func Run(ctx context.Context, o Options) (*Result, error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	scratch, err := os.MkdirTemp("", "stillwarm-release-")
	if err != nil {
		return nil, err
	}
	defer removeAll(scratch)
	r := &run{Options: o, scratch: scratch, tree: filepath.Join(scratch, "tree"), result: &Result{}}
	if r.proxy, err = r.proxyFolder(); err != nil {
		return nil, err
	}
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"check the version and the checkout", r.check},
		{"lay out the commit", r.layOut},
		{"check what the modules import", r.checkImports},
		{"compare the API", r.compare},
		{"make the modules", r.makeModules},
		{"make commit and tags", r.tag},
		{"compare the tags", r.verify},
	} {
		_, _ = fmt.Fprintln(o.Log, "release:", step.name)
		if err := step.do(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return r.result, nil
}

// run is one release under way.
type run struct {
	Options
	scratch string // removed at the end
	tree    string // the released commit's files, changed as the release needs them
	proxy   string
	result  *Result
	time    string // of the released commit, RFC 3339
}

func (r *run) proxyFolder() (string, error) {
	if r.Proxy == "" {
		return filepath.Join(r.scratch, "proxy"), nil
	}
	if r.Verify {
		return "", errors.New("Verify makes no proxy folder")
	}
	return filepath.Abs(r.Proxy)
}

// layOut writes the files of the released commit to the scratch folder and finds the modules in it.
func (r *run) layOut(ctx context.Context) error {
	if err := r.archive(ctx, "HEAD", r.tree); err != nil {
		return err
	}
	var err error
	r.result.Modules, err = findModules(r.tree)
	return err
}

// command runs a program in a folder and returns what it wrote to standard output. The error has the end of what it wrote
// to standard error.
func command(ctx context.Context, dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		said := strings.TrimSpace(stderr.String() + stdout.String())
		if len(said) > 2000 {
			said = "..." + said[len(said)-2000:]
		}
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, said)
	}
	return strings.TrimSpace(stdout.String()), nil
}

// removeAll removes a folder that may hold a module cache, whose files are read-only.
func removeAll(dir string) {
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(path, 0o700) //nolint:gosec // a folder must be searchable to be removed
		}
		return nil
	})
	_ = os.RemoveAll(dir)
}
