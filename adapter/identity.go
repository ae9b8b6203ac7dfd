package adapter

import (
	"encoding/hex"
	"fmt"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"unsafe"

	"github.com/stillwarm/stillwarm/internal/buildid"
	"github.com/stillwarm/stillwarm/internal/codeid"
)

// identity says which function was wrapped, and where.
type identity struct {
	name    string         // part of every key
	stable  bool           // the function itself has this name: it is a declared top-level function
	closure unsafe.Pointer // tells one closure from another made by the same code
	place   string         // file:line of the call that wraps
	pkg     string         // path of the package that declares the function
}

// codeIdentity is what entries of the function must have in common with this program: the identity that stillwarm build
// gave the function's code, or that of the whole build.
func codeIdentity(name string) (string, error) {
	if id, ok := codeid.Of(name); ok {
		return "code " + hex.EncodeToString(id[:]), nil
	}
	id, err := buildid.Read()
	return "build " + id, err
}

// identify names the function. A closure's own name counts the function literals before it, so it moves when code is
// edited; a bound method and an instance of a generic function have names that do not tell the receiver or the type
// arguments. All of these need a given name.
func identify(fn any, given, place string) (identity, *OptionError) {
	id := identity{place: place, closure: funcPointer(fn)}
	full := funcName(fn)
	pkg, base := splitName(full)
	id.pkg = strings.ReplaceAll(pkg, "%2e", ".") // how the linker writes a dot in the last element
	id.stable = !strings.ContainsAny(base, ".[") && !strings.HasSuffix(base, "-fm") && base != ""
	if given != "" {
		id.name = given
		return id, nil
	}
	id.name = qualify(pkg) + "." + base
	if id.stable {
		return id, nil
	}
	return id, &OptionError{
		Function: full, Option: "Name", Place: place,
		Reason: fmt.Sprintf("%s has no stable name; add adapter.Name(%q), or another name that is unique in the program",
			describeUnnamed(base), suggestName(base)),
	}
}

func describeUnnamed(base string) string {
	switch {
	case strings.HasSuffix(base, "-fm"):
		return "a bound method (its receiver is not part of the key)"
	case strings.Contains(base, "["):
		return "an instance of a generic function"
	default:
		return "a function literal"
	}
}

func suggestName(base string) string {
	for part := range strings.SplitSeq(strings.TrimSuffix(base, "-fm"), ".") {
		if name, _, _ := strings.Cut(strings.Trim(part, "(*)"), "["); name != "" && name != "init" && name != "glob" && !literal(name) {
			return name
		}
	}
	return "myFunction"
}

// literal reports whether the compiler made the name up, for a function literal.
func literal(name string) bool {
	base := strings.TrimRight(name, "0123456789")
	return base != name && (base == "" || base == "func" || base == "gowrap")
}

// splitName parts "example.com/shop%2ev2.Type.Method" into the package's path and the rest.
func splitName(full string) (pkg, base string) {
	slash := strings.LastIndexByte(full, '/') + 1
	dot := strings.IndexByte(full[slash:], '.')
	if dot < 0 {
		return "", full
	}
	return full[:slash+dot], full[slash+dot+1:]
}

// qualify gives package main the path it was built from: every program has a main, and two of them may share a backend.
func qualify(pkg string) string {
	if pkg != "main" {
		return pkg
	}
	if path := mainPath(); path != "" {
		return path
	}
	return pkg
}

var mainPath = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Path == "command-line-arguments" {
		return ""
	}
	return info.Path
})

// funcName returns the full name of a function, "" of what is none.
func funcName(fn any) string {
	v := reflect.ValueOf(fn)
	if v.Kind() != reflect.Func || v.IsNil() {
		return ""
	}
	f := runtime.FuncForPC(v.Pointer())
	if f == nil {
		return ""
	}
	return f.Name()
}

// shortName is how messages name a function: without its package.
func shortName(name string) string {
	_, base := splitName(name)
	return base
}

// callerPlace returns file:line of the code that called the function that calls this one, skip frames further up.
func callerPlace(skip int) string {
	_, file, line, ok := runtime.Caller(2 + skip)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%s:%d", file, line)
}
