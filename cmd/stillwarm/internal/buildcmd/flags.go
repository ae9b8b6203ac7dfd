// Package buildcmd is "stillwarm build": go build, with an identity for the code of each cached function linked in.
package buildcmd

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/stillwarm/stillwarm/cmd/stillwarm/internal/codeid"
)

// Arguments are the arguments of go build, understood as far as identities need it.
type Arguments struct {
	Dir      string   // -C
	Output   string   // -o
	Package  []string // the package, or .go files
	Verbose  bool     // -v
	Trimpath bool
	Table    string // --table: where the record goes; "" is beside the binary, "off" nowhere
	Self     string // this program, where it runs tools for the go command (see RunTool); "" if it does not

	flags    []flagValue
	ldflags  []string          // the linker's flags that hold for the program
	goenv    map[string]string // what go env says
	fallback string            // why identities cannot be computed under these flags, or ""
}

// flagValue is one flag as it was given.
type flagValue struct {
	name, value string
	hasValue    bool
}

func (f flagValue) String() string {
	if f.hasValue {
		return "-" + f.name + "=" + f.value
	}
	return "-" + f.name
}

// effect says what a flag of go build means to identities.
type effect int

const (
	noEffect  effect = iota // what is compiled is the same
	compiles                // part of the environment; go list takes it, too
	listed                  // only go list needs it
	unusual                 // identities cannot be computed
	elsewhere               // handled by name
)

// buildFlags are the flags of go build. The second value says whether a flag takes a value.
var buildFlags = map[string]struct {
	effect effect
	value  bool
}{
	"a": {noEffect, false}, "n": {elsewhere, false}, "x": {noEffect, false}, "v": {elsewhere, false}, "work": {noEffect, false},
	"p": {noEffect, true}, "json": {noEffect, false}, "modcacherw": {listed, false}, "trimpath": {listed, false},
	"buildvcs": {noEffect, false}, "C": {elsewhere, true}, "o": {elsewhere, true},
	"race": {compiles, false}, "msan": {compiles, false}, "asan": {compiles, false}, "cover": {unusual, false},
	"covermode": {unusual, true}, "coverpkg": {unusual, true}, "asmflags": {compiles, true}, "gcflags": {compiles, true},
	"tags": {compiles, true}, "pgo": {elsewhere, true}, "buildmode": {elsewhere, true}, "compiler": {elsewhere, true},
	"gccgoflags": {compiles, true}, "installsuffix": {compiles, true}, "ldflags": {elsewhere, true}, "linkshared": {unusual, false},
	"mod": {listed, true}, "modfile": {listed, true}, "overlay": {unusual, true}, "pkgdir": {unusual, true}, "toolexec": {unusual, true},
	"debug-actiongraph": {noEffect, true}, "debug-trace": {noEffect, true}, "debug-runtime-trace": {noEffect, true},
}

// Parse reads the arguments of stillwarm build: those of go build, and --table.
func Parse(args []string) (*Arguments, error) {
	a := &Arguments{}
	if err := a.take(args, true); err != nil {
		return nil, err
	}
	return a, nil
}

// environment puts the flags of GOFLAGS in front, as the go command does.
func (a *Arguments) environment(goflags string) error {
	fields, err := splitQuoted(goflags)
	if err != nil {
		return fmt.Errorf("GOFLAGS: %w", err)
	}
	front := &Arguments{}
	for _, f := range fields {
		// The go command ignores flags there that a command does not have.
		name, _, _ := strings.Cut(strings.TrimLeft(f, "-"), "=")
		if _, ok := buildFlags[name]; ok {
			if err := front.take([]string{f}, false); err != nil {
				return fmt.Errorf("GOFLAGS: %w", err)
			}
		}
	}
	a.flags = append(front.flags, a.flags...)
	a.Verbose = a.Verbose || front.Verbose
	return nil
}

func (a *Arguments) take(args []string, own bool) error {
	for len(args) > 0 {
		arg := args[0]
		if arg == "--" || !strings.HasPrefix(arg, "-") || arg == "-" {
			if arg == "--" {
				args = args[1:]
			}
			a.Package = args
			return nil
		}
		args = args[1:]
		name, value, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		known, ok := buildFlags[name]
		table := own && name == "table"
		if !ok && !table {
			return fmt.Errorf("go build has no flag -%s%s", name, nearest(name))
		}
		if (known.value || table) && !hasValue {
			if len(args) == 0 {
				return fmt.Errorf("flag -%s needs a value", name)
			}
			value, hasValue, args = args[0], true, args[1:]
		}
		if table {
			a.Table = value
			continue
		}
		a.set(flagValue{name, value, hasValue})
	}
	return nil
}

func (a *Arguments) set(f flagValue) {
	switch f.name {
	case "C":
		a.Dir = f.value
		return
	case "o":
		a.Output = f.value
		return
	case "v":
		a.Verbose = f.value != "false"
	case "n":
		f.value, f.hasValue = "true", true
	}
	a.flags = append(a.flags, f)
}

// nearest suggests a flag for one that is not known.
func nearest(name string) string {
	for known := range buildFlags {
		if len(known) > 2 && (strings.HasPrefix(known, name) || strings.HasPrefix(name, known)) {
			return "; did you mean -" + known + "?"
		}
	}
	return ""
}

// resolve works out what the flags mean for the package with the import path.
func (a *Arguments) resolve(importPath string) error {
	a.ldflags, a.fallback = nil, ""
	for _, f := range a.flags {
		known := buildFlags[f.name]
		switch {
		case known.effect == unusual && f.value != "false" && (f.value != "" || !known.value):
			a.fallback = "the flag -" + f.name + " changes the code that is compiled"
		case f.name == "buildmode" && f.value != "exe" && f.value != "pie" && f.value != "default":
			a.fallback = "the flag -buildmode=" + f.value + " makes no program of its own"
		case f.name == "compiler" && f.value != "gc":
			a.fallback = "the flag -compiler=" + f.value + " has no export data that can be read"
		case f.name == "ldflags":
			if err := a.linkerFlags(f.value, importPath); err != nil {
				return err
			}
		}
	}
	return nil
}

// linkerFlags takes the flags of one -ldflags, where its pattern names the program.
func (a *Arguments) linkerFlags(value, importPath string) error {
	value = strings.TrimSpace(value)
	if value != "" && value[0] != '-' {
		pattern, rest, ok := strings.Cut(value, "=")
		if !ok {
			return fmt.Errorf("-ldflags=%s: a pattern needs flags, as in -ldflags=all=-s", value)
		}
		matches, err := matchPattern(pattern, importPath)
		if err != nil {
			return err
		}
		if !matches {
			return nil
		}
		value = rest
	}
	fields, err := splitQuoted(value)
	if err != nil {
		return fmt.Errorf("-ldflags: %w", err)
	}
	a.ldflags = fields // the last that matches holds
	return nil
}

func matchPattern(pattern, importPath string) (bool, error) {
	switch {
	case pattern == "all" || pattern == "cmd" || pattern == "std":
		return pattern == "all", nil
	case strings.HasPrefix(pattern, "."):
		return false, fmt.Errorf("-ldflags=%s=...: give the linker's flags without a pattern", pattern)
	case !strings.Contains(pattern, "..."):
		return pattern == importPath, nil
	}
	if prefix, ok := strings.CutSuffix(pattern, "/..."); ok && !strings.Contains(prefix, "...") {
		return importPath == prefix || strings.HasPrefix(importPath, prefix+"/"), nil
	}
	return path.Match(strings.ReplaceAll(pattern, "...", "*"), importPath)
}

// splitQuoted splits at spaces, but not inside quotes, as the go command splits flags.
func splitQuoted(s string) ([]string, error) {
	var fields []string
	for {
		s = strings.TrimLeft(s, " \t\n\r")
		if s == "" {
			return fields, nil
		}
		if q := s[0]; q == '"' || q == '\'' {
			end := strings.IndexByte(s[1:], q)
			if end < 0 {
				return nil, fmt.Errorf("unterminated %c in %q", q, s)
			}
			fields = append(fields, s[1:1+end])
			s = s[end+2:]
			continue
		}
		end := strings.IndexAny(s, " \t\n\r")
		if end < 0 {
			end = len(s)
		}
		fields = append(fields, s[:end])
		s = s[end:]
	}
}

// quote writes a field so that splitQuoted gives it back.
func quote(field string) (string, error) {
	switch {
	case field != "" && !strings.ContainsAny(field, " \t\n\r") && field[0] != '"' && field[0] != '\'':
		return field, nil
	case !strings.Contains(field, "'"):
		return "'" + field + "'", nil
	case !strings.Contains(field, `"`):
		return `"` + field + `"`, nil
	}
	return "", errors.New("the linker's flags hold both kinds of quotes in one value")
}

// listFlags are what go list needs to see the program as go build does.
func (a *Arguments) listFlags() []string {
	var flags []string
	for _, f := range a.flags {
		e := buildFlags[f.name].effect
		if e == compiles || e == listed || f.name == "pgo" || f.name == "buildmode" || f.name == "compiler" {
			flags = append(flags, f.String())
		}
	}
	return flags
}

// facts are what of the flags decides results, beside the source. The linker's flags that only leave out symbols or name
// the binary do not.
func (a *Arguments) facts() []codeid.Fact {
	var facts []codeid.Fact
	for _, f := range a.flags {
		if buildFlags[f.name].effect != compiles || f.value == "false" {
			continue
		}
		name := "flag -" + f.name
		if i := slices.IndexFunc(facts, func(f codeid.Fact) bool { return f.Name == name }); i >= 0 {
			facts[i].Value += "\x00" + f.value // given several times
			continue
		}
		facts = append(facts, codeid.Fact{Name: name, Value: f.value})
	}
	rest := slices.DeleteFunc(slices.Clone(a.ldflags), func(f string) bool {
		name, _, _ := strings.Cut(strings.TrimLeft(f, "-"), "=")
		return name == "s" || name == "w" || name == "buildid"
	})
	if rest = withoutValues(rest); len(rest) > 0 {
		facts = append(facts, codeid.Fact{Name: "flag -ldflags", Value: strings.Join(rest, "\x00")})
	}
	return facts
}

// withoutValues leaves out -X flags.
func withoutValues(flags []string) []string {
	var rest []string
	for i := 0; i < len(flags); i++ {
		switch name, _, hasValue := strings.Cut(strings.TrimLeft(flags[i], "-"), "="); {
		case name != "X":
			rest = append(rest, flags[i])
		case !hasValue:
			i++
		}
	}
	return rest
}

// values are the user's own -X values.
func (a *Arguments) values() map[string]string {
	values := map[string]string{}
	for i := 0; i < len(a.ldflags); i++ {
		name, value, hasValue := strings.Cut(strings.TrimLeft(a.ldflags[i], "-"), "=")
		if name != "X" || !strings.HasPrefix(a.ldflags[i], "-") {
			continue
		}
		if !hasValue {
			if i++; i == len(a.ldflags) {
				break
			}
			value = a.ldflags[i]
		}
		if variable, text, ok := strings.Cut(value, "="); ok {
			values[variable] = text
		}
	}
	return values
}
