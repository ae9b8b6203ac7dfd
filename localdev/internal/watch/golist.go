package watch

import (
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
)

// listed is what go list says of a package.
type listed struct {
	Dir            string
	ImportPath     string
	Standard       bool
	GoFiles        []string
	CgoFiles       []string
	CFiles         []string
	CXXFiles       []string
	HFiles         []string
	SFiles         []string
	SysoFiles      []string
	EmbedFiles     []string
	IgnoredGoFiles []string
	Module         *module
}

type module struct {
	Path    string
	Dir     string
	GoMod   string
	Main    bool
	Replace *module
}

const listFields = "-json=Dir,ImportPath,Standard,GoFiles,CgoFiles,CFiles,CXXFiles,HFiles,SFiles,SysoFiles,EmbedFiles,IgnoredGoFiles,Module"

// Build is what a function's build depends on.
type Build struct {
	Inputs
	// Own are the Go files of the modules that the developer works on: the main module's and the workspace's.
	Own []string

	shapes map[string]string // of Go files, by path; nil where the list may lack something
}

// List asks the go command what the package in dir is built from, outside the module cache and Go's own library. What it
// can find out it returns also where the package does not build.
func List(ctx context.Context, dir, tags string) (Build, error) {
	env, err := goEnv(ctx, dir, "GOMODCACHE", "GOROOT", "GOMOD", "GOWORK")
	if err != nil {
		return Build{}, err
	}
	b := builder{cache: env[0], root: env[1], seen: map[string]bool{}}
	b.folder(dir)
	for _, file := range env[2:] {
		if file != "" && file != "off" && file != os.DevNull {
			b.file(file)
			b.file(strings.TrimSuffix(strings.TrimSuffix(file, ".mod"), ".work") + ".sum")
		}
	}
	args := []string{"list", "-deps", "-e", listFields}
	if tags != "" {
		args = append(args, "-tags", tags)
	}
	out, err := run(ctx, dir, append(args, ".")...)
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var p listed
		if e := decoder.Decode(&p); e != nil {
			if !errors.Is(e, io.EOF) && err == nil {
				err = fmt.Errorf("go list: %w", e)
			}
			if err == nil {
				b.learn()
			}
			return b.Build, err
		}
		b.add(p)
	}
}

type builder struct {
	Build
	cache, root string
	seen        map[string]bool
}

func (b *builder) add(p listed) {
	if p.Standard || p.Dir == "" || within(p.Dir, b.cache) || within(p.Dir, b.root) {
		return
	}
	b.folder(p.Dir)
	for _, list := range [][]string{
		p.GoFiles, p.CgoFiles, p.CFiles, p.CXXFiles, p.HFiles, p.SFiles, p.SysoFiles, p.EmbedFiles, p.IgnoredGoFiles,
	} {
		for _, name := range list {
			path := name
			if !filepath.IsAbs(name) {
				path = filepath.Join(p.Dir, name)
			}
			b.file(path)
		}
	}
	for _, name := range p.EmbedFiles {
		for folder := filepath.Dir(name); folder != "."; folder = filepath.Dir(folder) {
			b.folder(filepath.Join(p.Dir, folder)) // a new file there may be embedded, too
		}
	}
	if p.Module == nil {
		return
	}
	if p.Module.GoMod != "" && !within(p.Module.GoMod, b.cache) {
		b.file(p.Module.GoMod)
	}
	if p.Module.Main {
		for _, name := range append(p.GoFiles, p.CgoFiles...) {
			b.Own = append(b.Own, filepath.Join(p.Dir, name))
		}
	}
}

func (b *builder) file(path string) {
	if !b.seen[path] {
		b.seen[path] = true
		b.Files = append(b.Files, path)
	}
}

func (b *builder) folder(path string) {
	if !b.seen[path] {
		b.seen[path] = true
		b.Folders = append(b.Folders, path)
	}
}

func within(path, folder string) bool {
	return folder != "" && strings.HasPrefix(path+string(os.PathSeparator), folder+string(os.PathSeparator))
}

func goEnv(ctx context.Context, dir string, names ...string) ([]string, error) {
	out, err := run(ctx, dir, append([]string{"env"}, names...)...)
	if err != nil {
		return nil, err
	}
	values := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(values) != len(names) {
		return nil, fmt.Errorf("go env: %d lines for %d names", len(values), len(names))
	}
	for i := range values {
		values[i] = strings.TrimSpace(values[i])
	}
	return values, nil
}

func run(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil {
		return out.Bytes(), fmt.Errorf("go %s: %w: %s", args[0], err, strings.TrimSpace(problem.String()))
	}
	return out.Bytes(), nil
}
