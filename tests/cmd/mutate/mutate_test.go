package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// program is a module with a function that has to be noticed when it breaks.
func program(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, src := range map[string]string{
		"go.mod":    "module example.com/m\n\ngo 1.24\n",
		"m.go":      "package m\n\nfunc Twice(n int) int {\n\tn *= 2\n\treturn n\n}\n\nfunc Other(n int) int {\n\treturn n\n}\n",
		"m_test.go": "package m\n\nimport \"testing\"\n\nfunc TestTwice(t *testing.T) {\n\tif Twice(2) != 4 {\n\t\tt.Fatal()\n\t}\n}\n",
		"source_test.go": "package m\n\nimport (\n\t\"os\"\n\t\"runtime\"\n\t\"testing\"\n)\n\nfunc TestSource(t *testing.T) {\n" +
			"\t_, file, _, _ := runtime.Caller(0)\n\tif _, err := os.Stat(file); err != nil {\n\t\tt.Fatal(err)\n\t}\n}\n",
		"bad_test.go": "package m\n\nimport \"testing\"\n\nfunc TestBad(t *testing.T) { t.Fatal() }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestVerdicts(t *testing.T) {
	dir := program(t)
	l := lab{root: dir, scratch: t.TempDir()}
	twice := killer{pkg: ".", run: "TestTwice"}
	for want, m := range map[verdict]mutant{
		killed:     {line: "n *= 2", with: "n *= 3", killer: twice},
		timedOut:   {line: "n *= 2", with: "select {}", killer: killer{pkg: ".", run: "TestTwice", args: []string{"-test.timeout=100ms"}}},
		survived:   {line: "n *= 2", with: "n += n", killer: twice},
		listed:     {line: "n *= 2", with: "n += n", killer: twice, survives: "it is the same"},
		notListed:  {line: "n *= 2", with: "n *= 3", killer: twice, survives: "it is not the same"},
		gone:       {line: "n *= 4", with: "n *= 3", killer: twice},
		uncompiled: {line: "n *= 2", with: "n *= nothing", killer: twice},
		baseless:   {line: "n *= 2", with: "n *= 3", killer: killer{pkg: ".", run: "TestBad"}},
	} {
		m.file = "m.go"
		if r := l.try(t.Context(), 1, m); r.verdict != want {
			t.Errorf("%s, want %s\n%s", r.verdict, want, r.output)
		}
	}
	t.Run("tests that do not run kill nothing", func(t *testing.T) {
		m := mutant{file: "m.go", line: "n *= 2", with: "n *= 3", killer: killer{pkg: ".", run: "TestNone"}}
		if r := l.try(t.Context(), 1, m); r.verdict != baseless {
			t.Error(r.verdict)
		}
	})
	t.Run("tests find their sources whatever GOFLAGS says", func(t *testing.T) {
		t.Setenv("GOFLAGS", "-trimpath")
		l := lab{root: dir, scratch: t.TempDir()}
		if err := l.baseline(t.Context(), killer{pkg: ".", run: "TestSource"}); err != nil {
			t.Error(err)
		}
	})
	t.Run("the checkout stays as it is", func(t *testing.T) {
		if src, err := os.ReadFile(filepath.Join(dir, "m.go")); err != nil || !strings.Contains(string(src), "n *= 2") {
			t.Error(string(src), err)
		}
	})
}

func TestPlant(t *testing.T) {
	dir := program(t)
	for name, tt := range map[string]struct {
		m    mutant
		line int
	}{
		"the only one":          {mutant{line: "n *= 2", with: "x"}, 4},
		"one of two":            {mutant{line: "return n", with: "x"}, 0},
		"behind a line":         {mutant{line: "return n", after: "func Other(n int) int {", with: "x"}, 9},
		"behind a line of two":  {mutant{line: "return n", after: "}", with: "x"}, 0},
		"behind a line of none": {mutant{line: "return n", after: "{", with: "x"}, 0},
		"nothing changes":       {mutant{line: "n *= 2", with: "n *= 2"}, 0},
	} {
		tt.m.file = "m.go"
		changed, line, err := plant(dir, tt.m)
		if tt.line == 0 {
			if err == nil {
				t.Errorf("%s: no error", name)
			}
			continue
		}
		if err != nil || line != tt.line || strings.Split(changed, "\n")[line-1] != "x" {
			t.Errorf("%s: %d %v\n%s", name, line, err, changed)
		}
	}
}

func TestTheListKnowsItsLines(t *testing.T) {
	for _, m := range mutants() {
		if _, _, err := plant(filepath.Join("..", "..", ".."), m); err != nil {
			t.Errorf("%s: %v", m.name(), err)
		}
	}
}

func TestTable(t *testing.T) {
	results := []result{{mutant: mutant{id: "C1", file: "m.go"}, verdict: killed}, {verdict: listed}}
	if !table(io.Discard, results) {
		t.Error("all is as listed")
	}
	var out bytes.Buffer
	if table(&out, append(results, result{verdict: survived})) || !strings.Contains(out.String(), "3 mutants: 1 killed") {
		t.Error(out.String())
	}
}
