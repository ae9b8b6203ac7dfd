package buildcmd

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/stillwarm/stillwarm/cmd/stillwarm/internal/codeid"
	"github.com/stillwarm/stillwarm/internal/buildid"
	linked "github.com/stillwarm/stillwarm/internal/codeid"
)

// RecordSuffix is what the name of a binary's record has more than that of the binary.
const RecordSuffix = ".stillwarm.json"

// tableLimit is how long the table's text may be: Linux passes no longer argument to the linker.
const tableLimit = 120_000

// Result is a build.
type Result struct {
	Output     string         // the binary's path
	RecordPath string         // "" where none was written
	Record     *codeid.Record // nil where the build is no program with cached functions
}

// GoError is a go command that failed. What it had to say it has written already.
type GoError struct{ Err error }

func (e *GoError) Error() string { return "go build failed" }
func (e *GoError) Unwrap() error { return e.Err }

// Build builds the program with the identities of its cached functions linked in, writes their record beside the binary,
// and checks that both belong to the same source. The go command's own messages go to stderr. Where identities cannot be
// computed the program is built without them, which the record says. It may be called concurrently for other outputs.
func (a *Arguments) Build(ctx context.Context, stderr io.Writer) (*Result, error) {
	if err := a.Prepare(ctx); err != nil {
		return nil, err
	}
	if a.lastValue("n") != "" {
		return &Result{}, a.goBuild(ctx, stderr, "", a.Output)
	}
	if a.linksAnew() {
		if result, same, err := a.buildBeside(ctx, stderr, a.Analyze); err != nil || same {
			return result, err
		}
	}
	analysis, err := a.recall(ctx), error(nil)
	if analysis == nil {
		analysis, err = a.Analyze(ctx)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil { // the go command says it better, or what is built is no program
		if buildErr := a.goBuild(ctx, stderr, "", a.Output); buildErr != nil {
			return nil, buildErr
		}
		return &Result{Output: a.Output}, nil
	}
	result := &Result{Output: a.outputPath(analysis.Record.Package, a.goenv["GOEXE"]), Record: analysis.Record}
	return result, a.link(ctx, stderr, analysis, result)
}

// Prepare reads the go command's settings and takes the flags apart. [Arguments.Build] does so itself.
func (a *Arguments) Prepare(ctx context.Context) error {
	env, err := a.goEnv(ctx)
	if err != nil {
		return err
	}
	a.goenv = env
	if err := a.environment(env["GOFLAGS"]); err != nil {
		return err
	}
	return a.resolveFor(ctx)
}

func (a *Arguments) config() codeid.Config {
	return codeid.Config{
		Dir: a.Dir, Package: a.Package, Flags: a.listFlags(), Facts: a.facts(), Profile: a.lastValue("pgo"), Values: a.values(), GoEnv: a.goenv,
	}
}

// recall returns what the record of the last build says where nothing has changed since, else nil.
func (a *Arguments) recall(ctx context.Context) *codeid.Analysis {
	if a.fallback != "" || a.Table == "off" || !a.mayHaveRecord() {
		return nil
	}
	return codeid.Recall(ctx, a.config(), func(importPath string) *codeid.Record {
		r, err := ReadRecord(a.recordPath(a.outputPath(importPath, a.goenv["GOEXE"])))
		if err != nil {
			return nil
		}
		return r
	})
}

// mayHaveRecord reports whether an earlier build may have left a record. Without one there is nothing to list the program for.
func (a *Arguments) mayHaveRecord() bool {
	output := a.outputPath("", a.goenv["GOEXE"])
	if a.Table == "" && output != a.Output {
		return true // its name depends on the program's import path
	}
	_, err := os.Stat(a.recordPath(output))
	return err == nil
}

// Analyze computes the identities without linking. [Arguments.Build] does so before it links.
func (a *Arguments) Analyze(ctx context.Context) (*codeid.Analysis, error) {
	analysis, err := codeid.Analyze(ctx, a.config())
	if err == nil && a.fallback != "" {
		analysis.Record.Withdraw(a.fallback)
	}
	return analysis, err
}

// link runs go build with the table and writes the record.
func (a *Arguments) link(ctx context.Context, stderr io.Writer, analysis *codeid.Analysis, result *Result) error {
	table := a.table(analysis)
	if err := a.goBuild(ctx, stderr, table, result.Output); err != nil {
		return err
	}
	if result.Output == os.DevNull {
		return nil
	}
	return a.record(analysis, table, result)
}

// table returns what is linked into the program.
func (a *Arguments) table(analysis *codeid.Analysis) string {
	identities := analysis.Record.Table()
	if len(identities) == 0 || !analysis.Links {
		return ""
	}
	table := encode(identities)
	if len(table) > tableLimit {
		analysis.Record.Withdraw(fmt.Sprintf("%d functions are more than a linker's flag can name", len(identities)))
		return ""
	}
	return table
}

// record checks the program that was built and writes its record.
func (a *Arguments) record(analysis *codeid.Analysis, table string, result *Result) error {
	binary := a.inDir(result.Output)
	if name := analysis.Sources.Changed(); name != "" {
		os.Remove(binary)
		return fmt.Errorf("%s changed while the program was built: build again", name)
	}
	if err := checkTable(binary, table); err != nil {
		os.Remove(binary)
		return err
	}
	if !analysis.Links {
		return nil
	}
	var err error
	if analysis.Record.Build, err = buildid.Of(binary); err != nil {
		return err
	}
	result.RecordPath, err = a.writeRecord(analysis.Record, result.Output)
	return err
}

func encode(identities map[string]string) string {
	table := map[string][16]byte{}
	for name, text := range identities {
		var id [16]byte
		if n, err := hex.Decode(id[:], []byte(text)); err == nil && n == len(id) {
			table[name] = id
		}
	}
	return linked.Encode(table)
}

// checkTable makes sure that the linker put the table into the binary.
func checkTable(binary, table string) error {
	if table == "" {
		return nil
	}
	data, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	if !bytes.Contains(data, []byte(table)) {
		return errors.New("the binary does not hold its table of identities: the program's version of Stillwarm is older than this command; " +
			"run go get " + "github.com/stillwarm/stillwarm@latest")
	}
	return nil
}

// goBuild runs go build. The table is linked in unless it is empty.
func (a *Arguments) goBuild(ctx context.Context, stderr io.Writer, table, output string) error {
	return a.goBuildWith(ctx, stderr, nil, table, output)
}

func (a *Arguments) goBuildWith(ctx context.Context, stderr io.Writer, flags []string, table, output string) error {
	args := append([]string{"build"}, flags...)
	if output != "" {
		args = append(args, "-o", output)
	}
	for _, f := range a.flags {
		if f.name != "ldflags" || table == "" {
			args = append(args, f.String())
		}
	}
	if table != "" {
		flags, err := joinFlags(append(append([]string{}, a.ldflags...), "-X", linked.Variable+"="+table))
		if err != nil {
			return err
		}
		args = append(args, "-ldflags="+flags)
	}
	cmd := exec.CommandContext(ctx, "go", append(append(args, "--"), a.Package...)...)
	if len(a.Package) == 0 {
		cmd.Args = cmd.Args[:len(cmd.Args)-1]
	}
	cmd.Dir, cmd.Stdout, cmd.Stderr = a.Dir, stderr, stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &GoError{err}
	}
	return nil
}

func joinFlags(fields []string) (string, error) {
	quoted := make([]string, len(fields))
	for i, f := range fields {
		var err error
		if quoted[i], err = quote(f); err != nil {
			return "", err
		}
	}
	return strings.Join(quoted, " "), nil
}

func (a *Arguments) goEnv(ctx context.Context) (map[string]string, error) {
	cmd := exec.CommandContext(ctx, "go", "env", "-json")
	cmd.Dir = a.Dir
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, errors.New("the go command is not on the PATH; install Go first")
	} else if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	env := map[string]string{}
	return env, json.Unmarshal(out, &env)
}

// resolveFor works out what flags with patterns mean for the program that is built.
func (a *Arguments) resolveFor(ctx context.Context) error {
	importPath := ""
	for _, f := range a.flags {
		if v := strings.TrimSpace(f.value); f.name == "ldflags" && v != "" && v[0] != '-' {
			cmd := exec.CommandContext(ctx, "go", append([]string{"list", "-f", "{{.ImportPath}}", "--"}, a.Package...)...)
			cmd.Dir = a.Dir
			if out, err := cmd.Output(); err == nil {
				importPath = strings.TrimSpace(string(out))
			}
			break
		}
	}
	return a.resolve(importPath)
}

func (a *Arguments) lastValue(flag string) string {
	value := ""
	for _, f := range a.flags {
		if f.name == flag {
			value = f.value
		}
	}
	return value
}

// inDir is a path as this process has it, of one that is relative to -C.
func (a *Arguments) inDir(name string) string {
	if filepath.IsAbs(name) || a.Dir == "" {
		return name
	}
	return filepath.Join(a.Dir, name)
}

// outputPath is where go build puts the program.
func (a *Arguments) outputPath(importPath, exe string) string {
	name := executableName(importPath)
	if len(a.Package) > 0 && strings.HasSuffix(a.Package[0], ".go") {
		name = strings.TrimSuffix(filepath.Base(a.Package[0]), ".go")
	}
	name += exe
	switch info, err := os.Stat(a.inDir(a.Output)); {
	case a.Output == "":
		return name
	case strings.HasSuffix(a.Output, "/") || strings.HasSuffix(a.Output, string(filepath.Separator)) || err == nil && info.IsDir():
		return filepath.Join(a.Output, name)
	}
	return a.Output
}

// executableName is the last element of an import path that is no major version.
func executableName(importPath string) string {
	dir, name := path.Split(importPath)
	if version := strings.TrimPrefix(name, "v"); dir != "" && version != name && len(version) > 0 && strings.Trim(version, "0123456789") == "" &&
		version != "0" && version != "1" {
		return path.Base(dir)
	}
	return name
}

// recordPath is beside the binary, or where --table says; "" is nowhere.
func (a *Arguments) recordPath(output string) string {
	switch a.Table {
	case "":
		return a.inDir(output) + RecordSuffix
	case "off":
		return ""
	}
	return a.Table
}

// writeRecord writes the record and returns its path.
func (a *Arguments) writeRecord(r *codeid.Record, output string) (string, error) {
	name := a.recordPath(output)
	if name == "" {
		return "", nil
	}
	data, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return "", err
	}
	temp, err := os.CreateTemp(filepath.Dir(name), ".stillwarm-*")
	if err != nil {
		return "", err
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(append(data, '\n'))
	if err = errors.Join(err, temp.Chmod(0o644), temp.Close()); err != nil {
		return "", err
	}
	return name, os.Rename(temp.Name(), name)
}

// ReadRecord reads a record that a build wrote.
func ReadRecord(name string) (*codeid.Record, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	r := new(codeid.Record)
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if r.Version != codeid.RecordVersion {
		return nil, fmt.Errorf("%s: record of version %d; this command reads version %d: build again", name, r.Version, codeid.RecordVersion)
	}
	return r, nil
}
