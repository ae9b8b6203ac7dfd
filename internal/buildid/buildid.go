// Package buildid tells builds of the running program apart, so that results of changed code are not taken for those of
// the code that runs.
//
// The Go toolchain writes a build ID near the beginning of every executable; its last part is a hash of the content. It is read
// from the first 64 KB by hand: debug/elf and its like would be linked into every function for this one string.
package buildid

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
)

// head is how much of the file is searched. Linkers place the build ID within the first pages.
const head = 64 << 10

// Read returns the identity of the running executable: "go:" and the content part of its build ID, or, where the toolchain
// wrote none, "sha256:" and the hash of its file. The same code built by the same toolchain has the same identity, changed
// code has another. The file is read once in the life of the process; Read is safe for concurrent use.
var Read = sync.OnceValues(func() (string, error) {
	path, err := executable()
	if err != nil {
		return "", fmt.Errorf("buildid: cannot find the running executable: %w", err)
	}
	return of(path)
})

// executable returns a path that opens the running executable. On Linux that is the kernel's link to it, which still leads
// there when a deploy has put another file in its place.
func executable() (string, error) {
	if runtime.GOOS == "linux" {
		const self = "/proc/self/exe"
		if _, err := os.Stat(self); err == nil {
			return self, nil
		}
	}
	return os.Executable()
}

// Of returns the identity of the executable with the path, in the form of [Read].
func Of(path string) (string, error) { return of(path) }

func of(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("buildid: cannot read the executable: %w", err)
	}
	defer f.Close()
	b := make([]byte, head)
	n, err := io.ReadFull(f, b)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("buildid: cannot read the executable: %w", err)
	}
	if id := contentID(find(b[:n])); id != "" {
		return "go:" + id, nil
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", fmt.Errorf("buildid: cannot read the executable: %w", err)
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("buildid: cannot read the executable: %w", err)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

// find returns the build ID that the beginning of an executable holds, or "".
func find(b []byte) string {
	if bytes.HasPrefix(b, []byte("\x7fELF")) {
		return elfNote(b)
	}
	// In Mach-O and PE files, which have no notes, the linker puts it before the first function.
	_, after, ok := bytes.Cut(b, []byte("\xff Go build ID: \""))
	if !ok {
		return ""
	}
	id, _, ok := bytes.Cut(after, []byte("\"\n \xff"))
	if !ok {
		return ""
	}
	return string(id)
}

// contentID returns the last of a build ID's four parts, which identifies the content, or "" where the build ID is not of the
// toolchain's making: some build systems set a constant ("redacted"), which would be the same for all builds.
func contentID(id string) string {
	parts := strings.Split(id, "/")
	if len(parts) != 4 {
		return ""
	}
	for _, part := range parts {
		if len(part) != 20 || strings.ContainsFunc(part, notBase64) {
			return ""
		}
	}
	return parts[3]
}

func notBase64(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
}
