package watch

import (
	"bytes"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

// Same reports whether a change of these files leaves the list of the build's files as it is: they are Go files that
// belong to it, and import and embed what they did. It saves asking the go command after most saves.
func (b *Build) Same(changed []string) bool {
	for _, path := range changed {
		old := b.shapes[path]
		if old == "" || shape(path) != old {
			return false
		}
	}
	return true
}

// Forget lets Same report false until the next list: something may have been left out.
func (b *Build) Forget() { b.shapes = nil }

// learn remembers the files as they are now.
func (b *Build) learn() {
	b.shapes = map[string]string{}
	for _, path := range b.Files {
		if path = filepath.Clean(path); strings.HasSuffix(path, ".go") {
			b.shapes[path] = shape(path)
		}
	}
}

// shape is what of a Go file decides which others belong to the build: its package, imports, build constraints and
// embeds. It is "" where that cannot be told from the file: it does not parse, or holds C code.
func shape(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ImportsOnly)
	if err != nil {
		return ""
	}
	var s strings.Builder
	s.WriteString("package " + file.Name.Name)
	for _, i := range file.Imports {
		if i.Path.Value == `"C"` {
			return ""
		}
		s.WriteString("\n" + i.Path.Value)
	}
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		for _, directive := range []string{"//go:build", "// +build", "//+build", "//go:embed"} {
			if bytes.HasPrefix(line, []byte(directive)) {
				s.WriteString("\n" + string(line))
			}
		}
	}
	return s.String()
}
