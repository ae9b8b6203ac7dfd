package codeid

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

// Sources is the state of the files that a record was made from.
type Sources struct {
	files   map[string]digest // by path; absent files have the zero digest
	folders map[string]string // the names of the files of each package's folder
}

// sources reads every file that is not a module's in the cache.
func (p *program) sources() (*Sources, error) {
	s := &Sources{files: map[string]digest{}, folders: map[string]string{}}
	for _, l := range p.all {
		if _, _, released := l.released(); l.Standard || released {
			continue
		}
		names, err := folderNames(l.Dir)
		if err != nil {
			return nil, err
		}
		s.folders[l.Dir] = names
		for _, name := range l.sources() {
			s.files[name] = fileDigest(name)
		}
	}
	for _, name := range workFiles(p.env) {
		s.files[name] = fileDigest(name)
	}
	return s, nil
}

// Changed returns the first file that is not what it was, or "".
func (s *Sources) Changed() string {
	for dir, names := range s.folders {
		if now, err := folderNames(dir); err != nil || now != names {
			return dir
		}
	}
	for name, was := range s.files {
		if fileDigest(name) != was {
			return name
		}
	}
	return ""
}

// Files returns the paths of the files, those that are absent included, in no order.
func (s *Sources) Files() []string {
	var names []string
	for name := range maps.Keys(s.files) {
		names = append(names, name)
	}
	return names
}

func fileDigest(name string) digest {
	data, err := os.ReadFile(name)
	if err != nil {
		return digest{}
	}
	return sha256.Sum256(data)
}

// folderNames lists the files that the go command may take into account in a package's folder.
func folderNames(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", fmt.Errorf("list sources: %w", err)
	}
	var b strings.Builder
	for _, e := range entries {
		switch filepath.Ext(e.Name()) {
		case ".go", ".s", ".c", ".h", ".cc", ".cpp", ".syso", ".pgo":
			b.WriteString(e.Name() + "\n")
		}
	}
	return b.String(), nil
}
