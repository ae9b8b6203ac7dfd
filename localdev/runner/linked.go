package runner

import (
	"bytes"
	"os"
)

// lacks reports whether an executable uses the cache without the package of the backend that a function gets where nothing is asked
// for. The names of its functions tell. Of what cannot be read it says nothing.
func lacks(binary string) bool {
	const module = "github.com/stillwarm/stillwarm/"
	text, err := os.ReadFile(binary)
	return err == nil && bytes.Contains(text, []byte(module+"adapter.")) && !bytes.Contains(text, []byte(module+"backends/disk."))
}
