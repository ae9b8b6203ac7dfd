package codeid

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// A trap is a small program and a number of edits, each with what has to become of its cached functions. They lie in
// testdata/traps, as archives: the program's files, and a section "edit NAME" for each edit. Lines of an edit:
//
//	want FUNCTION VERDICT   changed, kept or doubt; the function by its name without the package
//	in FILE                 the file for the lines that follow
//	- TEXT                  text of the file, up to the end of the line, that is replaced by
//	+ TEXT                  this; several lines of each are joined
//	delete FILE, rename FILE FILE, write FILE TEXT
//	flags FLAGS             of the go command, for the edited program
type trap struct {
	name  string
	files []txtar.File
	edits []edit
}

type edit struct {
	name  string
	want  map[string]string
	flags []string
	steps []func(dir string) error
}

func readTrap(t *testing.T, name string) trap {
	t.Helper()
	a, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	tr := trap{name: strings.TrimSuffix(filepath.Base(name), ".txtar")}
	for _, f := range a.Files {
		if title, ok := strings.CutPrefix(f.Name, "edit "); ok {
			tr.edits = append(tr.edits, parseEdit(t, title, string(f.Data)))
			continue
		}
		tr.files = append(tr.files, f)
	}
	return tr
}

func parseEdit(t *testing.T, title, text string) edit {
	t.Helper()
	e := edit{name: title, want: map[string]string{}}
	file := "main.go"
	var old, now []string
	flush := func() {
		if old == nil && now == nil {
			return
		}
		name, from, to := file, strings.Join(old, "\n"), strings.Join(now, "\n")
		e.steps = append(e.steps, func(dir string) error { return replaceIn(filepath.Join(dir, name), from, to) })
		old, now = nil, nil
	}
	for scan := bufio.NewScanner(strings.NewReader(text)); scan.Scan(); {
		verb, rest, _ := strings.Cut(scan.Text(), " ")
		if verb != "-" && verb != "+" || verb == "-" && now != nil {
			flush()
		}
		words := strings.SplitN(rest, " ", 2)
		switch verb {
		case "want":
			e.want[words[0]] = words[1]
		case "in":
			file = rest
		case "-":
			old = append(old, rest)
		case "+":
			now = append(now, rest)
		case "delete":
			e.steps = append(e.steps, func(dir string) error { return os.Remove(filepath.Join(dir, rest)) })
		case "rename":
			e.steps = append(e.steps, func(dir string) error {
				return os.Rename(filepath.Join(dir, words[0]), filepath.Join(dir, words[1]))
			})
		case "write":
			e.steps = append(e.steps, func(dir string) error { return writeFile(filepath.Join(dir, words[0]), words[1]+"\n") })
		case "flags":
			e.flags = strings.Fields(rest)
		case "", "#":
		default:
			t.Fatalf("edit %s: %q", title, scan.Text())
		}
	}
	flush()
	return e
}

func replaceIn(name, from, to string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if n := strings.Count(string(data), from); n != 1 {
		return fmt.Errorf("%s: %q is there %d times", name, from, n)
	}
	return os.WriteFile(name, []byte(strings.Replace(string(data), from, to, 1)), 0o600)
}

func writeFile(name, text string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(text), 0o600)
}

// lay writes the program into a folder, with a go.mod that takes Stillwarm from this checkout.
func lay(t *testing.T, dir string, files []txtar.File) {
	t.Helper()
	top, err := filepath.Abs("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(top, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile(filepath.Join(top, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	_, requires, _ := strings.Cut(string(mod), "\n")
	text := "module example.com/trap\n" + requires + "\nrequire " + root + " v0.0.0\n\nreplace " + root + " => " + top + "\n"
	for name, content := range map[string]string{"go.mod": text, "go.sum": string(sum)} {
		if err := writeFile(filepath.Join(dir, name), content); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range files {
		content := string(f.Data)
		if extra, ok := strings.CutPrefix(f.Name, "append "); ok { // to go.mod
			f.Name, content = extra, text+content
		}
		if err := writeFile(filepath.Join(dir, f.Name), content); err != nil {
			t.Fatal(err)
		}
	}
}

// analyzeDir analyses the program in the folder.
func analyzeDir(ctx context.Context, dir string, flags ...string) (*Record, error) {
	c := Config{Dir: dir, Package: []string{"."}, Env: append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod -buildvcs=false", "GOPROXY=off")}
	for _, f := range flags {
		if value, ok := strings.CutPrefix(f, "-X="); ok {
			name, text, _ := strings.Cut(value, "=")
			c.Values = map[string]string{name: text}
			continue
		}
		c.Flags = append(c.Flags, f)
	}
	a, err := Analyze(ctx, c)
	if err != nil {
		return nil, err
	}
	return a.Record, nil
}

func (tr trap) run(t *testing.T) {
	base := t.TempDir()
	lay(t, base, tr.files)
	before, err := analyzeDir(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	if before.Problem != "" {
		t.Fatal(before.Problem)
	}
	for _, e := range tr.edits {
		t.Run(e.name, func(t *testing.T) {
			dir := t.TempDir()
			lay(t, dir, tr.files)
			for _, step := range e.steps {
				if err := step(dir); err != nil {
					t.Fatal(err)
				}
			}
			after, err := analyzeDir(t.Context(), dir, e.flags...)
			if err != nil {
				t.Fatal(err)
			}
			e.check(t, before, after)
		})
	}
}

func (e edit) check(t *testing.T, before, after *Record) {
	if after.Problem != "" {
		t.Fatal(after.Problem)
	}
	for name, want := range e.want {
		was, is := find(before, name), find(after, name)
		if is == nil {
			t.Fatalf("%s is not cached: %v", name, after.Functions)
		}
		got := "changed"
		switch {
		case is.Identity == "":
			got = "doubt"
		case was != nil && was.Identity == is.Identity:
			got = "kept"
		}
		if got != want {
			t.Errorf("%s: %s, want %s; doubts: %.300s; before: %.300s", name, got, want, fmt.Sprint(is.Doubts), fmt.Sprint(was))
		}
		if got == "changed" && was != nil && was.Identity != "" {
			explained(t, before, after, is.Name)
		}
	}
}

// explained checks that why finds a reason for a changed identity.
func explained(t *testing.T, before, after *Record, name string) {
	t.Helper()
	for _, c := range Compare(before, after) {
		if c.Name == name && (c.Kept || c.Why == "" || strings.HasPrefix(c.Why, "another function")) {
			t.Errorf("why: %+v", c)
		}
	}
}

func find(r *Record, name string) *Function {
	for i, f := range r.Functions {
		if f.Name == name || strings.HasSuffix(f.Name, "."+name) {
			return &r.Functions[i]
		}
	}
	return nil
}

func TestTraps(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles programs")
	}
	names, err := filepath.Glob("testdata/traps/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no traps", err)
	}
	for _, name := range names {
		tr := readTrap(t, name)
		t.Run("K2 "+tr.name, func(t *testing.T) {
			t.Parallel()
			tr.run(t)
		})
	}
}
