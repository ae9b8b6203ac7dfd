package docs_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A recipe's page holds a whole program: its files are the blocks of Go that begin with a package clause. Files that import
// testing are its tests, and are run. A main package without tests is run, and prints what the block "text" below it
// shows. Of a block "console" the commands, after "$ ", are run in the program's folder, and must print what stands below
// them. A program that shows none of these is refused.
type recipe struct {
	page   string
	name   string
	files  map[string]string // by name; each program of the page in a folder of its own
	tests  []string          // folders that have tests
	prints map[string]string // what the programs print, by folder
	shells map[string]string // commands with what they print, by folder
}

// readRecipe returns the programs of a recipe's page, in folders named after the page.
func readRecipe(p page) (recipe, error) {
	r := recipe{page: p.path, name: strings.TrimSuffix(path.Base(p.path), ".md"), files: map[string]string{}, prints: map[string]string{}, shells: map[string]string{}}
	programs, dir, hasTest := 0, "", false
	for _, b := range p.blocks {
		switch {
		case b.lang == "go" && wholeFile.MatchString(b.text):
			isTest := strings.Contains(b.text, "\"testing\"\n")
			if !isTest || dir == "" {
				programs++
				dir, hasTest = r.name, false
				if programs > 1 {
					dir = fmt.Sprintf("%s_%d", r.name, programs)
				}
			}
			if !isTest {
				r.files[dir+"/main.go"] = b.text
				continue
			}
			r.files[dir+"/main_test.go"] = b.text
			if !hasTest {
				r.tests = append(r.tests, dir)
			}
			hasTest = true
		case b.lang == "text" && dir != "" && !hasTest && r.prints[dir] == "":
			r.prints[dir] = b.text
		case b.lang == "console" && dir != "":
			r.shells[dir] += b.text
		}
	}
	if programs == 0 {
		return r, fmt.Errorf("%s: no block of Go is a whole file", p.path)
	}
	for i := range programs {
		dir := r.name
		if i > 0 {
			dir = fmt.Sprintf("%s_%d", r.name, i+1)
		}
		if !slices.Contains(r.tests, dir) && r.prints[dir]+r.shells[dir] == "" {
			return r, fmt.Errorf("%s: program %d has no test, no block \"text\" with what it prints and no block \"console\"", p.path, i+1)
		}
	}
	return r, nil
}

// Each recipe is run: its tests, or its program, which must print what the page shows.
func TestRecipes(t *testing.T) {
	var recipes []recipe
	for _, p := range repositoryPages(t) {
		if ok, _ := path.Match("docs/recipes/*.md", p.path); !ok || path.Base(p.path) == "README.md" {
			continue
		}
		r, err := readRecipe(p)
		if err != nil {
			t.Error(err)
			continue
		}
		recipes = append(recipes, r)
	}
	if len(recipes) == 0 {
		t.Fatal("no recipes were found")
	}
	failed := runRecipes(t, recipes)
	for _, r := range recipes {
		t.Run(r.name, func(t *testing.T) {
			if failed[r.page] != "" {
				t.Errorf("%s:\n%s", r.page, failed[r.page])
			}
		})
	}
}

// runRecipes runs recipes in a module of their own and returns what went wrong, by page.
func runRecipes(t *testing.T, recipes []recipe) map[string]string {
	t.Helper()
	dir := recipeModule(t)
	failed := map[string]string{}
	var packages []string
	for _, r := range recipes {
		for name, content := range r.files {
			target := filepath.Join(dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(target), 0o750); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(target, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, d := range r.tests {
			packages = append(packages, "./"+d)
		}
	}
	said := goTest(t, dir, packages)
	for _, r := range recipes {
		for _, d := range r.tests {
			if out, ok := said["example.com/recipes/"+d]; !ok || !out.passed {
				failed[r.page] += out.text + "the tests did not pass\n"
			}
		}
		for _, d := range slices.Sorted(maps.Keys(r.shells)) {
			if got, err := runConsole(t, filepath.Join(dir, d), r.shells[d]); err != nil || got != r.shells[d] {
				failed[r.page] += fmt.Sprintf("the commands printed\n%s\nand not\n%s\n%v", got, r.shells[d], err)
			}
		}
		for _, d := range slices.Sorted(maps.Keys(r.prints)) {
			if got, err := runProgram(dir, d); err != nil || got != r.prints[d] {
				failed[r.page] += fmt.Sprintf("it printed\n%s\nand not\n%s\n%v", got, r.prints[d], err)
			}
		}
	}
	return failed
}

// recipeModule makes a module that requires what the module of the tests requires, with the parts of this checkout.
func recipeModule(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	checkout, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	mod := strings.NewReplacer("module github.com/stillwarm/stillwarm/tests", "module example.com/recipes",
		"=> ../localdev", "=> "+checkout+"/localdev", "=> ../\n", "=> "+checkout+"\n").Replace(read(t, "tests/go.mod"))
	for name, content := range map[string]string{"go.mod": mod, "go.sum": read(t, "tests/go.sum")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

type outcome struct {
	text   string
	passed bool
}

// goTest runs the tests of packages and returns what became of each, by import path.
func goTest(t *testing.T, dir string, packages []string) map[string]outcome {
	t.Helper()
	if len(packages) == 0 {
		return nil
	}
	cmd := exec.Command("go", append([]string{"test", "-json", "-mod=mod", "-timeout", "5m"}, packages...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	runErr := cmd.Run()
	said := map[string]outcome{}
	for lines := bufio.NewScanner(&out); lines.Scan(); {
		var e struct{ Action, Package, ImportPath, Output, Test string }
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		p, _, _ := strings.Cut(e.Package+e.ImportPath, " ")
		o := said[p]
		o.text += e.Output
		// A package without tests, or with all of them skipped, shows nothing: one that passed must be among them.
		o.passed = (o.passed || e.Action == "pass" && e.Test != "") && (e.Action != "fail")
		said[p] = o
	}
	if runErr != nil && errs.Len() > 0 {
		t.Logf("go test: %v\n%s", runErr, errs.String())
	}
	return said
}

// runProgram builds and runs a program and returns what it printed.
func runProgram(module, dir string) (string, error) {
	bin := filepath.Join(module, dir, "program")
	build := exec.Command("go", "build", "-mod=mod", "-o", bin, "./"+dir) //nolint:gosec // a recipe of ours
	build.Dir = module
	build.Env = append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		return string(out), err
	}
	run := exec.Command(bin) //nolint:gosec // as above
	run.Dir = filepath.Dir(bin)
	run.Env = append(os.Environ(), "STILLWARM_MODE=deployed")
	var out, errs bytes.Buffer
	run.Stdout, run.Stderr = &out, &errs
	if err := run.Run(); err != nil {
		return out.String(), fmt.Errorf("%w\n%s", err, errs.String())
	}
	return out.String(), nil
}

// runConsole runs the commands of a console in one shell and returns the console as it was. The command stillwarm is this
// checkout's.
func runConsole(t *testing.T, dir, console string) (string, error) {
	t.Helper()
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", bin, ".")
	build.Dir = filepath.Join(root, "cmd", "stillwarm")
	if out, err := build.CombinedOutput(); err != nil {
		return string(out), err
	}
	env := append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "STILLWARM_MODE=deployed",
		"PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	fetch := exec.Command("go", "build", "-o", os.DevNull, "./...") // else the go command says among the output what it downloads
	fetch.Dir, fetch.Env = dir, env
	if out, err := fetch.CombinedOutput(); err != nil {
		return string(out), err
	}
	var script strings.Builder
	for line := range strings.Lines(console) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			fmt.Fprintf(&script, "cat <<'END_OF_COMMAND'\n%sEND_OF_COMMAND\n%s", line, command)
		}
	}
	shell := exec.Command("sh", "-e", "-c", script.String()) //nolint:gosec // a recipe of ours
	shell.Dir, shell.Env = dir, env
	out, err := shell.CombinedOutput()
	return string(out), err
}
