// Package whycmd is "stillwarm why": what became of the cached functions from one build, or one revision, to another.
package whycmd

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/stillwarm/stillwarm/cmd/stillwarm/internal/buildcmd"
	"github.com/stillwarm/stillwarm/cmd/stillwarm/internal/codeid"
)

// Usage is what the command takes.
const Usage = "stillwarm why [go build flags] [--json] OLD NEW [package]"

// Run compares two builds and writes what became of each cached function. OLD and NEW are each a record that stillwarm
// build wrote, a binary with its record beside it, a folder, or a revision that git knows.
func Run(ctx context.Context, w io.Writer, args []string) error {
	asJSON := false
	var rest []string
	for _, arg := range args {
		if arg == "--json" || arg == "-json" {
			asJSON = true
			continue
		}
		rest = append(rest, arg)
	}
	a, err := buildcmd.Parse(rest)
	if err != nil {
		return err
	}
	if len(a.Package) < 2 {
		return errors.New("name two builds: " + Usage)
	}
	sides, packages := a.Package[:2], a.Package[2:]
	var records [2]*codeid.Record
	for i, side := range sides {
		if records[i], err = record(ctx, side, a, packages); err != nil {
			return fmt.Errorf("%s: %w", side, err)
		}
	}
	changes := codeid.Compare(records[0], records[1])
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(changes)
	}
	return Print(w, changes)
}

// Print writes what became of each function.
func Print(w io.Writer, changes []codeid.Change) error {
	if len(changes) == 0 {
		_, err := fmt.Fprintln(w, "neither build has a cached function")
		return err
	}
	for _, c := range changes {
		if _, err := io.WriteString(w, c.Format()); err != nil {
			return err
		}
	}
	return nil
}

// record finds or makes the record of one side.
func record(ctx context.Context, what string, a *buildcmd.Arguments, packages []string) (*codeid.Record, error) {
	info, err := os.Stat(what)
	switch {
	case err == nil && info.IsDir():
		return analyze(ctx, what, a, packages)
	case err == nil && strings.HasSuffix(what, ".json"):
		return buildcmd.ReadRecord(what)
	case err == nil:
		r, err := buildcmd.ReadRecord(what + buildcmd.RecordSuffix)
		if errors.Is(err, os.ErrNotExist) {
			return nil, errors.New("no record lies beside it: build it with stillwarm build")
		}
		return r, err
	}
	dir, prefix, err := checkout(ctx, what, a.Dir)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	return analyze(ctx, filepath.Join(dir, prefix), a, packages)
}

func analyze(ctx context.Context, dir string, a *buildcmd.Arguments, packages []string) (*codeid.Record, error) {
	one := *a
	one.Dir, one.Package = dir, packages
	if err := one.Prepare(ctx); err != nil {
		return nil, err
	}
	analysis, err := one.Analyze(ctx)
	if err != nil {
		return nil, err
	}
	return analysis.Record, nil
}

// checkout lays a revision into a new folder, and returns it and the path in it that corresponds to the working folder.
// The repository is not changed.
func checkout(ctx context.Context, revision, from string) (dir, prefix string, err error) {
	if strings.HasPrefix(revision, "-") {
		return "", "", errors.New("neither a file nor a revision")
	}
	commit, err := git(ctx, from, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
	if err != nil {
		return "", "", errors.New("no file, no folder and no revision that git knows has this name")
	}
	show, err := git(ctx, from, "rev-parse", "--show-prefix")
	if err != nil {
		return "", "", err
	}
	top, err := git(ctx, from, "rev-parse", "--show-toplevel")
	if err != nil {
		return "", "", err
	}
	archive, err := git(ctx, strings.TrimSpace(string(top)), "archive", "--format=tar", strings.TrimSpace(string(commit)))
	if err != nil {
		return "", "", err
	}
	if dir, err = os.MkdirTemp("", "stillwarm-why-"); err != nil {
		return "", "", err
	}
	if err := extract(bytes.NewReader(archive), dir); err != nil {
		os.RemoveAll(dir)
		return "", "", err
	}
	return dir, strings.TrimSpace(string(show)), nil
}

func git(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok && len(exit.Stderr) > 0 {
			return nil, fmt.Errorf("git %s: %s", args[0], bytes.TrimSpace(exit.Stderr))
		}
		return nil, fmt.Errorf("git %s: %w", args[0], err)
	}
	return out, nil
}

// extract writes the archive's files below the folder, and nothing beside it.
func extract(r io.Reader, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		switch h.Typeflag {
		case tar.TypeDir:
			err = root.MkdirAll(filepath.Clean(h.Name), 0o755)
		case tar.TypeSymlink:
			err = root.Symlink(h.Linkname, h.Name)
		case tar.TypeReg:
			err = extractFile(root, h, t)
		}
		if err != nil {
			return err
		}
	}
}

func extractFile(root *os.Root, h *tar.Header, r io.Reader) error {
	if err := root.MkdirAll(filepath.Dir(h.Name), 0o755); err != nil {
		return err
	}
	f, err := root.OpenFile(h.Name, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
