package codeid

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"maps"
	"os"
	"slices"
	"strconv"

	"github.com/stillwarm/stillwarm/internal/buildid"
)

// Recall returns the analysis of a program that has not changed since an earlier record of it was made, which saves most of
// the time of [Analyze]. earlier is asked for that record by the program's import path and may return nil. Recall returns
// nil where there is none, where anything is different that a record is computed from, and where the program cannot be
// listed.
func Recall(ctx context.Context, c Config, earlier func(importPath string) *Record) *Analysis {
	p, err := listProgram(ctx, &c, c.listOnly)
	if err != nil {
		return nil
	}
	for _, l := range p.all {
		p.byPath[l.ImportPath] = l
		if !l.DepOnly {
			p.main = l
		}
		if _, _, released := l.released(); l.foreign() == "cgo" && !l.Standard && !released {
			return nil // C code may include files that are not listed
		}
	}
	if p.main == nil || p.main.Name != "main" {
		return nil
	}
	old := earlier(cleanPath(p.main.ImportPath))
	if old == nil || old.Version != RecordVersion || old.Inputs == "" || old.Problem != "" || old.Seal != old.seal() {
		return nil
	}
	sources, err := p.sources()
	if err != nil {
		return nil
	}
	if now, err := p.inputs(sources); err != nil || now != old.Inputs {
		return nil
	}
	return &Analysis{Record: old, Sources: sources, Links: p.links()}
}

// links reports whether the program links Stillwarm's cached functions.
func (p *program) links() bool { return p.byPath[root+"/adapter"] != nil }

// inputs hashes everything that a record is computed from: the code of the analysis itself, the settings, what the go
// command says of the packages, and the files that are not a released module's.
func (p *program) inputs(s *Sources) (string, error) {
	h := sha256.New()
	if err := p.hashSettings(h); err != nil {
		return "", err
	}
	for _, l := range p.all {
		text := []byte(l.ImportPath)
		if !l.Standard { // the standard library belongs to the Go release
			bare := *l
			bare.Export, bare.CompiledGoFiles = "", nil
			var err error
			if text, err = json.Marshal(&bare); err != nil {
				return "", err
			}
		}
		writeText(h, string(text))
	}
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		sum := s.files[name]
		writeText(h, name, string(sum[:]))
	}
	for _, dir := range slices.Sorted(maps.Keys(s.folders)) {
		writeText(h, dir, s.folders[dir])
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (p *program) hashSettings(h hash.Hash) error {
	self, err := buildid.Read()
	if err != nil {
		return err
	}
	profile := ""
	if name := p.profile(); name != "" {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		profile = hashText(string(data))
	}
	writeText(h, self, profile, strconv.Itoa(len(p.config.Flags)))
	writeText(h, p.config.Flags...)
	for _, f := range p.config.Facts {
		writeText(h, "fact", f.Name, f.Value)
	}
	for _, name := range slices.Sorted(maps.Keys(p.config.Values)) {
		writeText(h, "-X", name, p.config.Values[name])
	}
	for _, name := range slices.Sorted(maps.Keys(p.env)) {
		if name != "GOGCCFLAGS" { // which names a temporary folder
			writeText(h, name, p.env[name])
		}
	}
	return nil
}

// seal is a checksum of what the record says of the source: one that was merged or edited by hand is not taken for what
// the analysis found.
func (r *Record) seal() string {
	bare := *r
	bare.Build, bare.Seal = "", ""
	data, err := json.Marshal(&bare)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}
