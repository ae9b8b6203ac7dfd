package docs_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// A page is what the tests need of a Markdown file.
type page struct {
	path    string // from the repository's root, with slashes
	blocks  []block
	links   []link
	anchors map[string]bool
}

// A block is a fenced block of code.
type block struct {
	page    string
	line    int    // of its first line
	lang    string // what the fence names
	text    string
	prelude string // what the fragment takes for granted: see preludeComment
	before  string // the source of the paragraph above
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

type link struct {
	line   int
	target string
}

// preludeComment opens an HTML comment with declarations that the fragments of Go below it take for granted, until the
// next such comment of the page. Readers do not see it.
const preludeComment = "<!-- prelude"

// repositoryPages returns every page of the repository that users read.
func repositoryPages(t *testing.T) []page {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var pages []page
	for name := range strings.FieldsSeq(string(out)) {
		if strings.Contains(name, "testdata/") || strings.HasPrefix(name, ".github/") {
			continue
		}
		src, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // deleted and not yet committed
		}
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, parsePage(name, src))
	}
	if len(pages) < 20 {
		t.Fatalf("only %d pages were found", len(pages))
	}
	return pages
}

func parsePage(path string, src []byte) page {
	p := page{path: path, anchors: map[string]bool{}}
	doc := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(src))
	var prelude, before string
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			p.addAnchor(string(n.Lines().Value(src)))
		case *ast.Paragraph, *ast.TextBlock:
			before = string(n.Lines().Value(src))
		case *ast.HTMLBlock:
			html := string(n.Lines().Value(src))
			if n.HasClosure() {
				html += string(n.ClosureLine.Value(src))
			}
			if rest, ok := strings.CutPrefix(html, preludeComment); ok {
				prelude, _, _ = strings.Cut(rest, "-->")
			}
			for _, m := range attribute.FindAllStringSubmatch(html, -1) {
				p.links = append(p.links, link{lineOf(src, n), m[1]})
			}
		case *ast.RawHTML:
			for _, m := range attribute.FindAllStringSubmatch(string(n.Segments.Value(src)), -1) {
				p.links = append(p.links, link{lineOf(src, n), m[1]})
			}
		case *ast.FencedCodeBlock:
			p.blocks = append(p.blocks, block{path, lineOf(src, n), string(n.Language(src)), string(n.Lines().Value(src)), prelude, before})
		case *ast.Link:
			p.links = append(p.links, link{lineOf(src, n), string(n.Destination)})
		case *ast.Image:
			p.links = append(p.links, link{lineOf(src, n), string(n.Destination)})
		}
		return ast.WalkContinue, nil
	})
	return p
}

// attribute finds what HTML in a page links to.
var attribute = regexp.MustCompile(`\b(?:href|src|srcset)="([^"]*)"`)

// lineOf returns the line on which the node, or the block that holds it, begins.
func lineOf(src []byte, n ast.Node) int {
	for ; n != nil; n = n.Parent() {
		if n.Type() == ast.TypeBlock && n.Lines() != nil && n.Lines().Len() > 0 {
			return 1 + strings.Count(string(src[:n.Lines().At(0).Start]), "\n")
		}
	}
	return 0
}

// addAnchor adds the anchor that GitHub gives to a heading.
func (p *page) addAnchor(heading string) {
	var slug strings.Builder
	for _, r := range strings.ToLower(strings.TrimSpace(heading)) {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			slug.WriteRune(r)
		case r == ' ':
			slug.WriteByte('-')
		}
	}
	name := slug.String()
	for i := 1; p.anchors[name]; i++ {
		name = fmt.Sprintf("%s-%d", slug.String(), i)
	}
	p.anchors[name] = true
}
