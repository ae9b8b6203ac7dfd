package watch

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	// Times that differ whatever the file system's clock does.
	tick = tick.Add(time.Second)
	if err := os.Chtimes(path, tick, tick); err != nil {
		t.Fatal(err)
	}
}

var tick = time.Now().Add(-time.Hour)

func TestChanged(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.go")
	write(t, file, "package a")
	w := New()
	w.Set(Inputs{Files: []string{file}, Folders: []string{dir}}, time.Now().Add(time.Hour))
	changes := func() string {
		var names []string
		for _, path := range w.Changed() {
			rel, _ := filepath.Rel(dir, path)
			names = append(names, rel)
		}
		return strings.Join(names, " ")
	}
	for _, c := range []struct {
		name string
		do   func()
		want string
	}{
		{"nothing", func() {}, ""},
		{"a file with the same text", func() { write(t, file, "package a") }, "a.go"},
		{"once", func() {}, ""},
		{"a new file in the folder", func() { write(t, filepath.Join(dir, "b.go"), "package a") }, "."},
		{"a test, a dot file, an editor's copy", func() {
			for _, name := range []string{"a_test.go", ".a.go.swp", "a.go~", "#a.go#"} {
				write(t, filepath.Join(dir, name), "")
			}
		}, ""},
		{"a file that is replaced", func() {
			write(t, filepath.Join(dir, "c.tmp"), "package a // longer")
			if err := os.Rename(filepath.Join(dir, "c.tmp"), file); err != nil {
				t.Fatal(err)
			}
		}, "a.go"},
		{"a file that goes", func() { _ = os.Remove(file) }, ". a.go"},
		{"and comes back", func() { write(t, file, "package a") }, ". a.go"},
		{"a folder that goes", func() { _ = os.RemoveAll(dir) }, ". a.go"},
		{"a folder that is gone", func() {}, ""},
		{"and comes back", func() { write(t, file, "package a") }, ". a.go"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.do()
			if got := changes(); got != c.want {
				t.Errorf("changed: %q, want %q", got, c.want)
			}
		})
	}
}

func TestSetKeepsWhatIsKnown(t *testing.T) {
	dir := t.TempDir()
	old, fresh, early := filepath.Join(dir, "old"), filepath.Join(dir, "fresh"), filepath.Join(dir, "early")
	write(t, old, "1")
	w := New()
	w.Set(Inputs{Files: []string{old}}, time.Now())
	began := tick.Add(time.Second / 2)
	write(t, old, "2") // while a build runs
	write(t, fresh, "1")
	write(t, early, "1")
	if err := os.Chtimes(early, began.Add(-time.Minute), began.Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	w.Set(Inputs{Files: []string{old, fresh, early}}, began)
	if got := w.Changed(); !slices.Equal(got, []string{fresh, old}) {
		t.Errorf("changed: %q", got)
	}
}

func TestList(t *testing.T) {
	t.Setenv("GOWORK", "off")
	t.Setenv("GOFLAGS", "-mod=mod")
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"fn/go.mod": "module fn\n\ngo 1.26\n\nrequire other v0.0.0\n\nreplace other => ../other\n",
		"fn/main.go": "package main\n\nimport (\n\t_ \"embed\"\n\n\t\"fn/inner\"\n\t\"other\"\n)\n\n//go:embed data\nvar data string\n\n" +
			"//go:embed files\nvar files embed.FS\n\nfunc main() { inner.F(); other.F() }\n",
		"fn/tagged.go":      "//go:build special\n\npackage main\n",
		"fn/main_test.go":   "package main\n",
		"fn/data":           "x",
		"fn/files/deep/a":   "x",
		"fn/inner/inner.go": "package inner\n\nimport \"fmt\"\n\nfunc F() { fmt.Println() }\n",
		"other/go.mod":      "module other\n\ngo 1.26\n",
		"other/other.go":    "package other\n\nfunc F() {}\n",
	} {
		write(t, filepath.Join(dir, filepath.FromSlash(name)), strings.ReplaceAll(text, "_ \"embed\"", "\"embed\""))
	}
	rel := func(paths []string) string {
		var names []string
		for _, path := range paths {
			name, err := filepath.Rel(dir, path)
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, filepath.ToSlash(name))
		}
		slices.Sort(names)
		return strings.Join(names, " ")
	}
	b, err := List(t.Context(), filepath.Join(dir, "fn"), "")
	if err != nil {
		t.Fatal(err)
	}
	const files = "fn/data fn/files/deep/a fn/go.mod fn/go.sum fn/inner/inner.go fn/main.go fn/tagged.go other/go.mod other/other.go"
	if got := rel(b.Files); got != files {
		t.Errorf("files:\n%s, want\n%s", got, files)
	}
	if got := rel(b.Folders); got != "fn fn/files fn/files/deep fn/inner other" {
		t.Errorf("folders: %s", got)
	}
	if got := rel(b.Own); got != "fn/inner/inner.go fn/main.go" {
		t.Errorf("own: %s", got)
	}
	t.Run("a save that changes no list is known from the file", func(t *testing.T) { same(t, b, filepath.Join(dir, "fn")) })
	t.Run("a package that does not parse is still watched", func(t *testing.T) {
		write(t, filepath.Join(dir, "fn", "main.go"), "package main\n\nfunc main() {")
		b, _ := List(t.Context(), filepath.Join(dir, "fn"), "")
		if got := rel(b.Files); !strings.Contains(got, "fn/main.go") {
			t.Errorf("files: %s", got)
		}
	})
	t.Run("and one without a go.mod that can be read", func(t *testing.T) {
		write(t, filepath.Join(dir, "fn", "go.mod"), "modul fn")
		b, _ := List(t.Context(), filepath.Join(dir, "fn"), "")
		if got := rel(b.Files) + " " + rel(b.Folders); !strings.Contains(got, "fn/go.mod") {
			t.Errorf("watched: %s", got)
		}
	})
}

// same edits a listed function and asks whether the list still holds.
func same(t *testing.T, b Build, fn string) {
	path := filepath.Join(fn, "inner", "inner.go")
	for _, c := range []struct {
		name, text string
		want       bool
	}{
		{"as it is", "package inner\n\nimport \"fmt\"\n\nfunc F() { fmt.Println() }\n", true},
		{"another body and a comment", "package inner\n\n// C.\nimport \"fmt\"\n\nfunc F() { fmt.Print(1) }\n", true},
		{"one import more", "package inner\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\nfunc F() { fmt.Println(os.Args) }\n", false},
		{"a constraint", "//go:build special\n\npackage inner\n\nimport \"fmt\"\n\nfunc F() { fmt.Println() }\n", false},
		{"an embed", "package inner\n\nimport \"fmt\"\n\n//go:embed x\nvar X string\n\nfunc F() { fmt.Println() }\n", false},
		{"another package", "package other\n\nimport \"fmt\"\n\nfunc F() { fmt.Println() }\n", false},
		{"what does not parse", "package inner\n\nimport \"fmt\n", false},
	} {
		write(t, path, c.text)
		if got := b.Same([]string{path}); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	write(t, path, "package inner\n\nimport \"fmt\"\n\nfunc F() { fmt.Println() }\n")
	for _, other := range []string{fn, filepath.Join(fn, "go.mod"), filepath.Join(fn, "data"), filepath.Join(fn, "new.go")} {
		if b.Same([]string{path, other}) {
			t.Errorf("%s does not change the list", other)
		}
	}
	b.Forget()
	if b.Same([]string{path}) {
		t.Error("a list that was forgotten still holds")
	}
}

func BenchmarkChanged(b *testing.B) {
	dir := b.TempDir()
	var in Inputs
	for i := range 580 {
		path := filepath.Join(dir, "f"+string(rune('a'+i%26))+strings.Repeat("x", i/26))
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			b.Fatal(err)
		}
		in.Files = append(in.Files, path)
	}
	w := New()
	w.Set(in, time.Now().Add(time.Hour))
	for b.Loop() {
		w.Changed()
	}
}
