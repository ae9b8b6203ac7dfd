package codeid

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"golang.org/x/tools/txtar"
)

// What an earlier record says holds only while nothing changed that it was computed from.
func TestRecall(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles programs")
	}
	t.Parallel()
	l := newLayout(t, depFiles(
		txtar.File{Name: "append go.mod", Data: []byte(replaceDep)},
		txtar.File{Name: "words.go", Data: []byte("package main\n\nimport \"embed\"\n\n//go:embed words\nvar words embed.FS\n")},
		txtar.File{Name: "words/one.txt", Data: []byte("one\n")},
	))
	config := func(flags ...string) Config {
		return Config{Dir: l.dir, Package: []string{"."}, Env: append(os.Environ(), l.env...), Flags: flags}
	}
	first := l.analyze(t.Context())
	written, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	again := func(c Config, change func(*Record)) *Analysis {
		return Recall(t.Context(), c, func(importPath string) *Record {
			if importPath != "example.com/trap" {
				t.Error("the record of", importPath, "is asked for")
			}
			r := new(Record)
			if err := json.Unmarshal(written, r); err != nil {
				t.Fatal(err)
			}
			change(r)
			return r
		})
	}
	nothing := func(*Record) {}
	t.Run("nothing changed", func(t *testing.T) {
		a := again(config(), func(r *Record) { r.Build = "go:another" }) // which the link fills in
		if a == nil || !a.Links || a.Sources.Changed() != "" || !reflect.DeepEqual(a.Record.Functions, first.Functions) {
			t.Fatalf("%+v", a)
		}
	})
	file := func(name, content string) func(*testing.T) {
		return func(t *testing.T) {
			path := filepath.Join(l.dir, name)
			before, err := os.ReadFile(path)
			if writeErr := writeFile(path, content); writeErr != nil {
				t.Fatal(writeErr)
			}
			if again(config(), nothing) != nil {
				t.Error("the old record is used")
			}
			if err == nil {
				err = os.WriteFile(path, before, 0o600)
			} else {
				err = os.Remove(path)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Run("the program", file("main.go", layoutMain+"// more\n"))
	t.Run("another module's code", file("dep/dep.go", layoutDep+"// more\n"))
	t.Run("a new file", file("more.go", "package main\n"))
	t.Run("an embedded file", file("words/one.txt", "two\n"))
	t.Run("a new embedded file", file("words/two.txt", "two\n"))
	t.Run("a profile", file("default.pgo", "profile"))
	t.Run("another module's language", file("dep/go.mod", "module example.com/dep\n\ngo 1.24\n"))
	t.Run("a file that is not built", func(t *testing.T) {
		if err := writeFile(filepath.Join(l.dir, "notes.txt"), "notes"); err != nil {
			t.Fatal(err)
		}
		if again(config(), nothing) == nil {
			t.Error("the old record is not used")
		}
	})
	for name, c := range map[string]Config{
		"a flag":            config("-tags=more"),
		"a fact":            {Dir: l.dir, Package: []string{"."}, Env: config().Env, Facts: []Fact{{"linker", "-s"}}},
		"a linker's value":  {Dir: l.dir, Package: []string{"."}, Env: config().Env, Values: map[string]string{"main.x": "1"}},
		"another system":    {Dir: l.dir, Package: []string{"."}, Env: append(config().Env, "GOOS=plan9")},
		"what is no folder": {Dir: l.dir, Package: []string{"./absent"}, Env: config().Env},
	} {
		t.Run(name, func(t *testing.T) {
			if again(c, nothing) != nil {
				t.Error("the old record is used")
			}
		})
	}
	for name, change := range map[string]func(*Record){
		"an identity that was edited":  func(r *Record) { r.Functions[0].Identity = "00000000000000000000000000000000" },
		"a doubt that was taken out":   func(r *Record) { r.Functions[0].Doubts = append(r.Functions[0].Doubts, Doubt{Why: "none"}) },
		"a record without its inputs":  func(r *Record) { r.Inputs = "" },
		"a record of another version":  func(r *Record) { r.Version++; r.Seal = r.seal() },
		"a record that was withdrawn":  func(r *Record) { r.Withdraw("a flag"); r.Seal = r.seal() },
		"a record of other inputs":     func(r *Record) { r.Inputs = "ff" + r.Inputs[2:]; r.Seal = r.seal() },
		"a declaration that was moved": func(r *Record) { clear(r.Nodes) },
	} {
		t.Run(name, func(t *testing.T) {
			if again(config(), change) != nil {
				t.Error("it is used")
			}
		})
	}
}
