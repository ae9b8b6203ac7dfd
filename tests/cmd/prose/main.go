// Command prose wraps the prose of Markdown pages, in place, and prints the names of those that it changed. make fmt runs it.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"os"

	"github.com/stillwarm/stillwarm/tests/prose"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("prose: ")
	width := flag.Int("width", prose.Width, "how long a line may be")
	flag.Parse()
	failed := false
	for _, path := range flag.Args() {
		if err := wrap(path, *width); err != nil {
			log.Printf("%s: %v", path, err)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

func wrap(path string, width int) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	wrapped, err := prose.Wrap(page, width)
	if err != nil || bytes.Equal(page, wrapped) {
		return err
	}
	fmt.Println(path)
	return os.WriteFile(path, wrapped, 0o644) //nolint:gosec // a page for everybody
}
