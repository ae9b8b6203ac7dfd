package codeid

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
	"slices"
	"strings"
)

// A Config says which program is analysed, and how it will be built.
type Config struct {
	Dir     string            // where the go command runs; "" is the working directory
	Package []string          // the package or the .go files to build, as go build takes them
	Flags   []string          // flags of go build that decide what is compiled: -tags, -race, -gcflags and their like
	Facts   []Fact            // what else of the command line decides results
	Env     []string          // the go command's environment; nil is the process's own
	Profile string            // -pgo: a file, "off", or "" and "auto" for default.pgo beside the program
	GoEnv   map[string]string // what go env says, all of it; nil to ask
	Values  map[string]string // the user's own -X values: import path, dot and name to value
}

// module is what go list says of a module.
type module struct {
	Path, Version, Sum, Dir, GoVersion string
	Main                               bool
	Replace                            *module
}

// listed is what go list says of a package.
type listed struct {
	Dir, ImportPath, Name, Export, DefaultGODEBUG, ForTest string
	Standard, DepOnly, Incomplete                          bool
	Module                                                 *module
	GoFiles, CgoFiles, CompiledGoFiles                     []string
	SFiles, SysoFiles, SwigFiles, SwigCXXFiles             []string
	CFiles, CXXFiles, MFiles, HFiles, FFiles               []string
	EmbedFiles, Imports                                    []string
	ImportMap                                              map[string]string
	Error                                                  *struct{ Err string }
}

const listFields = "Dir,ImportPath,Name,DefaultGODEBUG,Standard,DepOnly,Module,GoFiles,CgoFiles,SFiles," +
	"SysoFiles,SwigFiles,SwigCXXFiles,CFiles,CXXFiles,MFiles,HFiles,FFiles,EmbedFiles,Imports,ImportMap,Error"

// goCommand runs the go command and returns what it printed. An error holds what it said.
func (c *Config) goCommand(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = c.Dir, c.Env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if text := strings.TrimSpace(stderr.String()); text != "" {
			return nil, errors.New(text)
		}
		return nil, fmt.Errorf("go %s: %w", args[0], err)
	}
	return out, nil
}

// listOnly returns the packages of the program in the order of their dependence: what a package imports comes before it.
// It compiles nothing.
func (c *Config) listOnly(ctx context.Context) ([]*listed, error) {
	return c.goList(ctx, c.Package, "-json="+listFields)
}

func (c *Config) goList(ctx context.Context, packages []string, what ...string) ([]*listed, error) {
	args := append(append([]string{"list", "-deps"}, what...), c.Flags...)
	out, err := c.goCommand(ctx, append(append(args, "--"), packages...)...)
	if err != nil {
		return nil, err
	}
	var all []*listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(listed)
		if err := dec.Decode(p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		if p.Error != nil {
			return nil, fmt.Errorf("%s: %s", p.ImportPath, p.Error.Err)
		}
		all = append(all, p)
	}
}

// goEnv are the settings of the go command that decide what code does.
func (c *Config) goEnv(ctx context.Context) (map[string]string, error) {
	if c.GoEnv != nil {
		return c.GoEnv, nil
	}
	out, err := c.goCommand(ctx, "env", "-json")
	if err != nil {
		return nil, err
	}
	env := map[string]string{}
	return env, json.Unmarshal(out, &env)
}

// root is the module that this command belongs to.
const root = "github.com/stillwarm/stillwarm"

// library reports whether the package is part of Stillwarm's library. It is taken whole: it holds no code of the user's.
func (p *listed) library() bool {
	if p.Module == nil || p.Name == "main" {
		return false
	}
	rest, ok := strings.CutPrefix(p.Module.Path, root)
	if !ok || rest != "" && !strings.HasPrefix(rest, "/backends/") && !strings.HasPrefix(rest, "/telemetry/") {
		return false
	}
	return !strings.Contains(p.ImportPath+"/", "/examples/") && !strings.Contains(p.ImportPath+"/", "/demo/")
}

// vendored reports whether the package's source lies in a vendor folder.
func (p *listed) vendored() bool {
	return !p.Standard && strings.Contains(filepath.ToSlash(p.Dir)+"/", "/vendor/")
}

// released returns the module's version and checksum where these determine the package's source.
func (p *listed) released() (version, sum string, ok bool) {
	m := p.Module
	if m == nil || m.Main || p.vendored() {
		return "", "", false
	}
	if r := m.Replace; r != nil {
		return r.Path + "@" + r.Version, r.Sum, r.Version != "" && r.Sum != ""
	}
	return m.Path + "@" + m.Version, m.Sum, m.Version != "" && m.Sum != ""
}

// partition says which packages are analysed declaration by declaration. The others are taken whole, by the version and
// checksum of their module or by the content of their files. A package that imports an analysed one or wraps functions
// itself is analysed, too.
func partition(all []*listed) (user map[string]bool) {
	user = map[string]bool{}
	for _, p := range all {
		_, _, released := p.released()
		if p.Standard || p.library() {
			continue
		}
		own := !released && !p.vendored()
		for _, path := range p.Imports {
			own = own || user[path] || wrapping(path)
		}
		if own {
			user[p.ImportPath] = true
		}
	}
	return user
}

// wrapping reports whether the package has functions that wrap others.
func wrapping(path string) bool {
	rest, ok := strings.CutPrefix(path, root+"/")
	return ok && (rest == "adapter" || rest == "lambda" || rest == "httpcache")
}

// sources are the files of the package that the compiler reads, with their folder.
func (p *listed) sources() []string {
	var files []string
	for _, list := range [][]string{
		p.GoFiles, p.CgoFiles, p.SFiles, p.SysoFiles, p.SwigFiles, p.SwigCXXFiles, p.CFiles, p.CXXFiles, p.MFiles, p.HFiles, p.FFiles, p.EmbedFiles,
	} {
		for _, f := range list {
			files = append(files, filepath.Join(p.Dir, f))
		}
	}
	slices.Sort(files)
	return files
}

// parsed are the Go files to type-check: for a package with C code, what cgo made of it.
func (p *listed) parsed() []string {
	files := p.GoFiles
	if len(p.CgoFiles) > 0 || len(p.SwigFiles) > 0 || len(p.SwigCXXFiles) > 0 {
		files = p.CompiledGoFiles
	}
	paths := make([]string, len(files))
	for i, f := range files {
		if paths[i] = f; !filepath.IsAbs(f) {
			paths[i] = filepath.Join(p.Dir, f)
		}
	}
	return paths
}

// foreign says what of the package is no Go, or "".
func (p *listed) foreign() string {
	switch {
	case len(p.CgoFiles) > 0 || len(p.SwigFiles) > 0 || len(p.SwigCXXFiles) > 0:
		return "cgo"
	case len(p.SFiles) > 0:
		return "assembly"
	case len(p.SysoFiles) > 0:
		return "object files"
	}
	return ""
}

// workFiles are the files that decide which source a program is made of, where they exist.
func workFiles(env map[string]string) []string {
	var files []string
	for _, name := range []string{env["GOMOD"], env["GOWORK"]} {
		if name == "" || name == "off" || name == os.DevNull {
			continue
		}
		files = append(files, name, strings.TrimSuffix(strings.TrimSuffix(name, ".mod"), ".work")+sumSuffix(name))
	}
	return files
}

func sumSuffix(name string) string {
	if strings.HasSuffix(name, ".work") {
		return ".work.sum"
	}
	return ".sum"
}
