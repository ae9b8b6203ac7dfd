package docs_test

import (
	"strings"
	"testing"
)

// The page on testing shows the example module as it is, which is tested with the other modules.
func TestTestingPageShowsTheExample(t *testing.T) {
	example := read(t, "examples/testing/shop/shop.go") + read(t, "examples/testing/shop/shop_test.go")
	blocks := goBlocks(read(t, "docs/testing.md"))
	if len(blocks) < 4 {
		t.Fatalf("%d blocks", len(blocks))
	}
	for _, b := range blocks {
		if !strings.Contains(example, b) {
			t.Errorf("not in the example:\n%s", b)
		}
	}
}
