package release

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// makeModules writes every module to the proxy folder, each after those that it needs, since its go.sum has their hashes.
func (r *run) makeModules(ctx context.Context) error {
	for _, m := range r.result.Modules {
		if err := r.makeModule(ctx, m); err != nil {
			return fmt.Errorf("%s: %w", m.Path, err)
		}
		_, _ = fmt.Fprintf(r.Log, "release: %s@%s\n", m.Path, r.Version)
	}
	return nil
}

func (r *run) makeModule(ctx context.Context, m Module) error {
	dir := filepath.Join(r.tree, filepath.FromSlash(m.Dir))
	if m.Dir != "" {
		if err := copyLicense(r.tree, dir); err != nil {
			return err
		}
	}
	if len(m.Needs) > 0 {
		if err := r.require(ctx, m, dir); err != nil {
			return err
		}
	}
	return r.publish(m, dir)
}

// copyLicense gives a module the repository's license, as Go does when it makes a module of a tag: without it the hashes
// would differ.
func copyLicense(tree, dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "LICENSE")); err == nil {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(tree, "LICENSE")) //nolint:gosec // of the released commit
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "LICENSE"), text, 0o644) //nolint:gosec // for everybody to read
}

// require replaces the folders in a go.mod file by released versions and completes go.sum. Then it builds the module as a
// user gets it: outside of the workspace.
func (r *run) require(ctx context.Context, m Module, dir string) error {
	edit := []string{"mod", "edit"}
	for _, need := range m.Needs {
		edit = append(edit, "-dropreplace="+need, "-require="+need+"@"+r.Version)
	}
	env, err := r.goEnv(ctx)
	if err != nil {
		return err
	}
	for _, args := range [][]string{edit, {"mod", "tidy"}, {"build", "-mod=readonly", "-o", os.DevNull, "./..."}} {
		if _, err := command(ctx, dir, env, "go", args...); err != nil {
			return err
		}
	}
	f, err := parseMod(r.tree, m.Dir)
	if err != nil {
		return err
	}
	if len(f.Replace) > 0 {
		return fmt.Errorf("go.mod replaces %s; go install refuses a released module with replacements", f.Replace[0].Old.Path)
	}
	return nil
}

// goEnv is the environment in which a module is made. What this release has made is found in the proxy folder, what
// others have made in the module cache or where go finds it otherwise. The cache of this release is its own: a version
// that was tried before must not be taken from there, nor stay.
func (r *run) goEnv(ctx context.Context) ([]string, error) {
	settings, err := command(ctx, r.scratch, nil, "go", "env", "GOMODCACHE", "GOPROXY")
	if err != nil {
		return nil, err
	}
	cache, upstream, ok := strings.Cut(settings, "\n")
	if !ok {
		return nil, errors.New("go env tells no GOPROXY")
	}
	proxies := []string{fileURL(r.proxy), fileURL(filepath.Join(cache, "cache", "download")), upstream}
	return []string{
		"GOWORK=off", "GOFLAGS=-trimpath", "GOPROXY=" + strings.Join(proxies, ","), "GOPRIVATE=", "GONOPROXY=none",
		"GONOSUMDB=" + r.result.Modules[0].Path + "," + r.result.Modules[0].Path + "/*",
		"GOMODCACHE=" + filepath.Join(r.scratch, "modcache"),
	}, nil
}

func fileURL(dir string) string {
	p := filepath.ToSlash(dir)
	if !strings.HasPrefix(p, "/") { // a drive letter
		p = "/" + p
	}
	return "file://" + p
}

// publish writes one module as a proxy serves it: the list of versions, the version's description, go.mod and zip.
func (r *run) publish(m Module, dir string) error {
	escaped, err := module.EscapePath(m.Path)
	if err != nil {
		return err
	}
	to := filepath.Join(r.proxy, filepath.FromSlash(escaped), "@v")
	if err := os.MkdirAll(to, 0o755); err != nil { //nolint:gosec // for everybody to read
		return err
	}
	base := filepath.Join(to, r.Version)
	if _, err := os.Stat(base + ".zip"); err == nil {
		return fmt.Errorf("%s has %s already; what a proxy serves never changes: empty the folder or take another version", to, r.Version)
	}
	archive, err := os.Create(base + ".zip")
	if err != nil {
		return err
	}
	err = zip.CreateFromDir(archive, module.Version{Path: m.Path, Version: r.Version}, dir)
	if err := errors.Join(err, archive.Close()); err != nil {
		return err
	}
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod")) //nolint:gosec // of the released commit
	if err != nil {
		return err
	}
	info, err := json.Marshal(map[string]string{"Version": r.Version, "Time": r.time})
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{".mod": mod, ".info": info} {
		if err := os.WriteFile(base+name, content, 0o644); err != nil { //nolint:gosec // for everybody to read
			return err
		}
	}
	return addToList(filepath.Join(to, "list"), r.Version)
}

func addToList(name, version string) error {
	old, err := os.ReadFile(name) //nolint:gosec // of the proxy folder
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	versions := append(strings.Fields(string(old)), version)
	slices.Sort(versions)
	versions = slices.Compact(versions)
	return os.WriteFile(name, []byte(strings.Join(versions, "\n")+"\n"), 0o644) //nolint:gosec // for everybody to read
}
