package codeid

import (
	"crypto/sha256"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// embedded hashes the files that the variable embeds, by path and content.
func (w *walker) embedded() {
	patterns := embedPatterns(w.n)
	if len(patterns) == 0 {
		return
	}
	for _, f := range w.n.unit.EmbedFiles {
		if !embeds(patterns, f) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(w.n.unit.Dir, f))
		if err != nil {
			w.n.marks = append(w.n.marks, mark{why: "embedded file " + f + " cannot be read", place: w.n.place})
			continue
		}
		sum := sha256.Sum256(data)
		w.text("embed", f, string(sum[:]))
	}
}

// embedPatterns are the patterns of the go:embed lines above a variable.
func embedPatterns(n *node) []string {
	var patterns []string
	for _, doc := range n.doc {
		if doc == nil {
			continue
		}
		for _, c := range doc.List {
			if rest, ok := strings.CutPrefix(c.Text, "//go:embed"); ok && rest != "" && (rest[0] == ' ' || rest[0] == '\t') {
				patterns = append(patterns, splitPatterns(rest)...)
			}
		}
	}
	return patterns
}

// splitPatterns splits the rest of a go:embed line, whose patterns may be quoted.
func splitPatterns(text string) []string {
	var patterns []string
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		if text[0] == '"' || text[0] == '`' {
			quoted, err := strconv.QuotedPrefix(text)
			if err != nil {
				return append(patterns, text)
			}
			if plain, err := strconv.Unquote(quoted); err == nil {
				patterns = append(patterns, plain)
			}
			text = text[len(quoted):]
			continue
		}
		word, rest, _ := strings.Cut(strings.ReplaceAll(text, "\t", " "), " ")
		patterns, text = append(patterns, word), rest
	}
	return patterns
}

// embeds reports whether the patterns take the file, by itself or with a folder it lies in.
func embeds(patterns []string, file string) bool {
	for _, p := range patterns {
		p = strings.TrimPrefix(p, "all:")
		for f := file; f != "." && f != "/"; f = path.Dir(f) {
			if ok, err := path.Match(p, f); ok || err != nil || p == "." {
				return true
			}
		}
	}
	return false
}
