package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pending are the lines of the contract that no subtest carries yet. The list must become empty: a line that is carried
// may not stay here.
var pending = []string{}

var (
	// contractLine finds the ids of docs/semantics.md: "- K4 **Structure...", "| K5 bool, ..." and "| W1 backend down".
	contractLine = regexp.MustCompile(`(?m)^(?:- |\| )([A-Z][0-9]+) `)
	// namedSubtest finds the ids that the names of subtests begin with, in t.Run and in tables of cases.
	namedSubtest = regexp.MustCompile("[\"`]([A-Z][0-9]+)[ :]")
)

func TestEachLineOfTheContractIsCarriedByASubtest(t *testing.T) {
	root := filepath.Join("..", "..")
	page, err := os.ReadFile(filepath.Join(root, "docs", "semantics.md"))
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]bool{}
	sections := map[byte]bool{}
	for _, m := range contractLine.FindAllStringSubmatch(string(page), -1) {
		lines[m[1]] = true
		sections[m[1][0]] = true
	}
	if len(lines) < 90 {
		t.Fatalf("only %d lines with ids were found", len(lines))
	}
	carried := map[string][]string{}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, filepath.Join("docs", "semantics_test.go")) {
			return nil
		}
		src, err := os.ReadFile(path)
		for _, m := range namedSubtest.FindAllStringSubmatch(string(src), -1) {
			carried[m[1]] = append(carried[m[1]], path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for id := range lines {
		switch waits := slices.Contains(pending, id); {
		case len(carried[id]) == 0 && !waits:
			t.Errorf("%s: no subtest carries this line of docs/semantics.md", id)
		case len(carried[id]) > 0 && waits:
			t.Errorf("%s: it is carried (%s); remove it from the list of pending lines", id, carried[id][0])
		}
	}
	for id, where := range carried {
		if sections[id[0]] && !lines[id] {
			t.Errorf("%s: %s names a line that docs/semantics.md does not have", id, where[0])
		}
	}
}
