package release

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
)

func (r *run) git(ctx context.Context, args ...string) (string, error) {
	return command(ctx, r.Repo, nil, "git", args...)
}

// archive writes the files of a commit to a folder.
func (r *run) archive(ctx context.Context, ref, to string) error {
	top, err := r.git(ctx, "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "git", "archive", "--format=tar", ref)
	cmd.Dir = top
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	unpackErr := unpack(out, to)
	if unpackErr != nil { // git must not wait for a reader that has left
		_ = cmd.Process.Kill()
	}
	if err := cmd.Wait(); err != nil && unpackErr == nil {
		return fmt.Errorf("git archive %s: %w", ref, err)
	}
	return unpackErr
}

// unpack writes the folders and regular files of an archive.
func unpack(archive io.Reader, to string) error {
	files := tar.NewReader(archive)
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !filepath.IsLocal(h.Name) {
			continue // the archive's own header
		}
		target := filepath.Join(to, filepath.FromSlash(h.Name))
		switch h.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(target, 0o755) //nolint:gosec // sources, for everybody to read
		case tar.TypeReg:
			err = writeFile(target, files, h.FileInfo().Mode())
		}
		if err != nil {
			return err
		}
	}
}

func writeFile(target string, content io.Reader, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil { //nolint:gosec // sources, for everybody to read
		return err
	}
	f, err := os.OpenFile(target, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Close())
}

// tag makes the commit with the released go.mod and go.sum files, and a tag for each module, unless a proxy folder was asked
// for. Index and work tree of the checkout stay as they are.
func (r *run) tag(ctx context.Context) error {
	if r.Proxy != "" || r.Verify {
		return nil
	}
	commit, err := r.commit(ctx)
	if err != nil {
		return err
	}
	for _, m := range r.result.Modules {
		name := path.Join(m.Dir, r.Version)
		if _, err = r.git(ctx, "tag", "--annotate", "--message", m.Path+" "+r.Version, name, commit); err != nil {
			break
		}
		r.result.Tags = append(r.result.Tags, name)
	}
	if err != nil { // all of them or none
		for _, name := range r.result.Tags {
			_, undo := r.git(ctx, "tag", "--delete", name)
			err = errors.Join(err, undo)
		}
		return err
	}
	r.result.Commit = commit
	return nil
}

// commit writes the commit, whose parent is the released one, by an index of its own.
func (r *run) commit(ctx context.Context) (string, error) {
	env := []string{"GIT_INDEX_FILE=" + filepath.Join(r.scratch, "index")}
	git := func(args ...string) (string, error) { return command(ctx, r.Repo, env, "git", args...) }
	tree, err := r.writeTree(git)
	if err != nil {
		return "", err
	}
	return git("commit-tree", tree, "-p", "HEAD", "-m", "Release "+r.Version)
}

// writeTree writes the files of the release's commit.
func (r *run) writeTree(git func(args ...string) (string, error)) (string, error) {
	if _, err := git("read-tree", "HEAD"); err != nil {
		return "", err
	}
	for _, m := range r.result.Modules {
		for _, name := range []string{"go.mod", "go.sum"} {
			file := filepath.Join(r.tree, filepath.FromSlash(m.Dir), name)
			if _, err := os.Stat(file); err != nil {
				continue // a module without requirements has no go.sum
			}
			blob, err := git("hash-object", "-w", "--no-filters", file)
			if err != nil {
				return "", err
			}
			if _, err := git("update-index", "--add", "--cacheinfo", "100644,"+blob+","+path.Join(m.Dir, name)); err != nil {
				return "", err
			}
		}
	}
	return git("write-tree")
}

// verify compares every tag with what would be tagged: the parent, and each file.
func (r *run) verify(ctx context.Context) error {
	if !r.Verify {
		return nil
	}
	env := []string{"GIT_INDEX_FILE=" + filepath.Join(r.scratch, "index")}
	want, err := r.writeTree(func(args ...string) (string, error) { return command(ctx, r.Repo, env, "git", args...) })
	if err != nil {
		return err
	}
	head, err := r.git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return err
	}
	for _, m := range r.result.Modules {
		name := path.Join(m.Dir, r.Version)
		if parents, err := r.git(ctx, "rev-parse", name+"^@"); err != nil || parents != head {
			return errors.Join(err, fmt.Errorf("tag %s: its parent is %q, not the commit that is checked out, %s", name, parents, head))
		}
		if tree, err := r.git(ctx, "rev-parse", name+"^{tree}"); err != nil || tree != want {
			changes, _ := r.git(ctx, "diff", "--stat", want, name)
			return errors.Join(err, fmt.Errorf("tag %s has other files than make release makes:\n%s", name, changes))
		}
	}
	return nil
}
