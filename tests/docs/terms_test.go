package docs_test

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A term is explained in docs/concepts.md, and on the pages that the links may lead to instead.
type term struct {
	word  *regexp.Regexp
	pages []string
}

func termOf(word string, pages ...string) term {
	return term{regexp.MustCompile(`(?i)\b(?:` + word + `)\b`), append(pages, "concepts")}
}

var terms = []term{
	termOf("leases?", "stampedes"), termOf("generations?"), termOf("tiers?"), termOf("stale windows?", "freshness"),
	termOf("refresh ahead", "freshness"), termOf("soft timeouts?", "freshness"), termOf("fail-safe", "freshness"),
	termOf("code identity|code identities", "code-identity"), termOf("tombstones?"), termOf("flights?", "stampedes"), termOf("thaws?", "resources"),
	termOf("sealing|sealed", "sealing", "rotate-sealing-keys"), termOf("namespaces?", "configuration"),
}

var notProse = regexp.MustCompile("(?s)```.*?```|<!--.*?-->|`[^`]*`")

// unexplained returns a line for each term that a page uses before it links to where the term is explained. Headings and
// tables of contents use terms, too; the paragraph or table in which a term is used first may hold the link.
func unexplained(name, page string) []string {
	blank := func(s string) string { return strings.Repeat(" ", len(s)) }
	prose := notProse.ReplaceAllStringFunc(page, blank)
	prose = regexp.MustCompile(`(?m)^#.*$`).ReplaceAllStringFunc(prose, blank)
	var complaints []string
	for _, t := range terms {
		if slices.Contains(t.pages, strings.TrimSuffix(path.Base(name), ".md")) {
			continue
		}
		used := t.word.FindStringIndex(regexp.MustCompile(`\]\([^)]*\)`).ReplaceAllStringFunc(prose, blank))
		if used == nil {
			continue
		}
		known := prose
		if end := strings.Index(prose[used[0]:], "\n\n"); end >= 0 {
			known = prose[:used[0]+end]
		}
		if !regexp.MustCompile(`\]\([^)]*\b(?:` + strings.Join(t.pages, "|") + `)\.md`).MatchString(known) {
			line := 1 + strings.Count(page[:used[0]], "\n")
			complaints = append(complaints, fmt.Sprintf("%s:%d: %q is used, and nothing up to there links to concepts.md", name, line, prose[used[0]:used[1]]))
		}
	}
	return complaints
}

// No page uses a term before it explains it, or links to where it is explained.
func TestTermsAreExplained(t *testing.T) {
	for _, p := range repositoryPages(t) {
		if !strings.HasPrefix(p.path, "docs/") || path.Base(p.path) == "README.md" {
			continue
		}
		for _, complaint := range unexplained(p.path, read(t, p.path)) {
			t.Error(complaint)
		}
	}
}

func TestUnexplainedTermsAreFound(t *testing.T) {
	for _, c := range []struct {
		name, page string
		complaints int
	}{
		{"used and never linked", "# A\n\nIt takes a lease.\n", 1},
		{"linked in the same paragraph", "# A\n\nIt takes a lease.\nSee [concepts](concepts.md).\n", 0},
		{"linked before", "# A\n\n[Terms](../concepts.md#more-terms).\n\nIt takes a lease.\n", 0},
		{"linked too late", "# A\n\nIt takes a lease.\n\n[Terms](concepts.md).\n", 1},
		{"linked to the page of the feature", "# A\n\nIt takes a [lease](stampedes.md).\n", 0},
		{"only in code", "# A\n\n`lease`\n\n```\nlease\n```\n", 0},
		{"two of them", "# A\n\nA generation and a Stale window.\n", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := unexplained("a.md", c.page); len(got) != c.complaints {
				t.Errorf("%q, want %d", got, c.complaints)
			}
		})
	}
}
