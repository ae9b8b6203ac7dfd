package report

import (
	"fmt"
	"os"
	"regexp"
)

// block is a table of the page between its marks.
var block = regexp.MustCompile(`(?s)(<!-- table ([a-z]+) -->\n).*?(<!-- end -->)`)

// Fill puts the tables into the page at path, between lines that name them. Every table must have a place, and every
// place a table.
func Fill(path string, tables map[string]string) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	placed := map[string]bool{}
	page = block.ReplaceAllFunc(page, func(b []byte) []byte {
		m := block.FindSubmatch(b)
		text, ok := tables[string(m[2])]
		if !ok {
			err = fmt.Errorf("%s: no table is called %q", path, m[2])
			return b
		}
		placed[string(m[2])] = true
		return []byte(string(m[1]) + "\n" + text + "\n" + string(m[3]))
	})
	for name := range tables {
		if !placed[name] && err == nil {
			err = fmt.Errorf("%s: no place for the table %q", path, name)
		}
	}
	if err != nil {
		return err
	}
	return os.WriteFile(path, page, 0o644) //nolint:gosec // a page for everybody
}
