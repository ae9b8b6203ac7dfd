package codeid

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// settings are those of the go command that decide what compiled code does.
var settings = []string{
	"GOVERSION", "GOOS", "GOARCH", "GO386", "GOAMD64", "GOARM", "GOARM64", "GOMIPS", "GOMIPS64", "GOPPC64", "GORISCV64", "GOWASM",
	"GOEXPERIMENT", "GOFIPS140",
}

// cgoSettings matter where C code is linked.
var cgoSettings = []string{"CC", "CXX", "CGO_CFLAGS", "CGO_CPPFLAGS", "CGO_CXXFLAGS", "CGO_LDFLAGS"}

// registering are packages of the standard library whose import alone changes what others do. The rest of it matters only
// to those who call it.
var registering = map[string]bool{
	"image/gif": true, "image/jpeg": true, "image/png": true, "time/tzdata": true, "net/http/pprof": true, "expvar": true,
	"runtime/cgo": true, "plugin": true, "testing": true, "os/signal": true, "log/slog": true, "runtime/race": true,
	"crypto/md5": true, "crypto/sha1": true, "crypto/sha256": true, "crypto/sha512": true, "crypto/sha3": true,
}

// environment lists what beside the analysed source decides results: the toolchain, its settings, and the packages that
// are taken whole.
func (p *program) environment() ([]Fact, error) {
	var facts []Fact
	for _, name := range settings {
		if v := p.env[name]; v != "" {
			facts = append(facts, Fact{name, v})
		}
	}
	if p.byPath["runtime/cgo"] != nil {
		for _, name := range cgoSettings {
			facts = append(facts, Fact{name, p.env[name]})
		}
	}
	facts = append(facts, Fact{"GODEBUG by default", p.main.DefaultGODEBUG})
	facts = append(facts, p.config.Facts...)
	if name := p.profile(); name != "" {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		facts = append(facts, Fact{"profile", hashText(string(data))})
	}
	linked, err := p.linked()
	return append(facts, linked...), err
}

// profile returns the path of the profile that the compiler optimises for, or "".
func (p *program) profile() string {
	switch name := p.config.Profile; name {
	case "off":
		return ""
	case "", "auto":
		name = filepath.Join(p.main.Dir, "default.pgo")
		if _, err := os.Stat(name); err != nil {
			return ""
		}
		return name
	default:
		if !filepath.IsAbs(name) {
			name = filepath.Join(p.config.Dir, name)
		}
		return name
	}
}

// linked lists the packages that are taken whole: by the version and checksum of their module, or by their content.
func (p *program) linked() ([]Fact, error) {
	modules, content, loaded := map[string]string{}, map[string]string{}, map[string][]string{}
	for _, l := range p.all {
		path := cleanPath(l.ImportPath)
		if l.Standard {
			if registering[path] {
				loaded["std"] = append(loaded["std"], path)
			}
			continue
		}
		if p.units != nil && slices.ContainsFunc(p.units, func(u *unit) bool { return u.listed == l }) {
			continue
		}
		version, sum, released := l.released()
		if released {
			modules[l.Module.Path] = version + " " + sum
			loaded[l.Module.Path] = append(loaded[l.Module.Path], path)
			continue
		}
		sum, err := contentSum(l)
		if err != nil {
			return nil, err
		}
		content[path] = sum
	}
	var facts []Fact
	for _, m := range slices.Sorted(maps.Keys(modules)) {
		facts = append(facts, Fact{"module " + m, modules[m]})
	}
	for _, m := range slices.Sorted(maps.Keys(loaded)) {
		slices.Sort(loaded[m])
		facts = append(facts, Fact{"packages of " + m, strings.Join(slices.Compact(loaded[m]), " ")})
	}
	for _, path := range slices.Sorted(maps.Keys(content)) {
		facts = append(facts, Fact{"package " + path, content[path]})
	}
	return append(facts, p.dependencyValues()...), nil
}

// dependencyValues are the user's -X values for variables of packages that are taken whole.
func (p *program) dependencyValues() []Fact {
	var facts []Fact
	for _, name := range slices.Sorted(maps.Keys(p.config.Values)) {
		pkg := name[:max(strings.LastIndexByte(name, '.'), 0)]
		if !slices.ContainsFunc(p.units, func(u *unit) bool { return u.linkPath() == pkg }) {
			facts = append(facts, Fact{"-X " + name, hashText(p.config.Values[name])})
		}
	}
	return facts
}

func hashText(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}

// contentSum hashes the names and contents of a package's files.
func contentSum(l *listed) (string, error) {
	h := sha256.New()
	for _, name := range l.sources() {
		data, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		rel, err := filepath.Rel(l.Dir, name)
		if err != nil {
			rel = filepath.Base(name)
		}
		writeText(h, filepath.ToSlash(rel), string(data))
	}
	if l.Module != nil {
		writeText(h, l.Module.GoVersion)
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}

func environmentDigest(facts []Fact) digest {
	h := sha256.New()
	for _, f := range facts {
		writeText(h, f.Name, f.Value)
	}
	return digest(h.Sum(nil))
}
