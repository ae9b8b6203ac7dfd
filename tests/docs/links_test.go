package docs_test

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// Each link within the repository leads to a file, and to a heading of it where it names one.
func TestLinks(t *testing.T) {
	pages := repositoryPages(t)
	for _, complaint := range deadLinks(pages) {
		t.Error(complaint)
	}
}

// deadLinks returns a line for each link that leads nowhere. Links to other sites are not followed.
func deadLinks(pages []page) []string {
	byPath := map[string]page{}
	for _, p := range pages {
		byPath[p.path] = p
	}
	var dead []string
	for _, p := range pages {
		for _, l := range p.links {
			if why := follow(p, l.target, byPath); why != "" {
				dead = append(dead, fmt.Sprintf("%s:%d: %s: %s", p.path, l.line, l.target, why))
			}
		}
	}
	return dead
}

// follow returns why a link leads nowhere, or nothing.
func follow(from page, target string, pages map[string]page) string {
	if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") || strings.HasPrefix(target, "data:") {
		return ""
	}
	file, anchor, hasAnchor := strings.Cut(target, "#")
	name := from.path
	if file != "" {
		name = path.Join(path.Dir(from.path), file)
	}
	if strings.HasPrefix(name, "../") || path.IsAbs(name) {
		return "leads out of the repository"
	}
	if to, ok := pages[name]; ok {
		if hasAnchor && !to.anchors[anchor] {
			return "no heading has this anchor"
		}
		return ""
	}
	if hasAnchor && path.Ext(name) == ".md" {
		return "no such page"
	}
	if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(name))); err != nil {
		return "no such file"
	}
	return ""
}
