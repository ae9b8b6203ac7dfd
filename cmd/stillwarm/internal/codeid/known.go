package codeid

import (
	"go/types"
	"strings"
)

// immutableTypes never change, although they hold references. Those that are true are used through pointers, and what these
// point to never changes either: nobody assigns a regexp.Regexp. The others are values, and a pointer to one is there to
// change it.
var immutableTypes = map[string]bool{
	"time.Time": false, "net/netip.Addr": false, "net/netip.Prefix": false, "net/netip.AddrPort": false, "reflect.Type": false,
	"unique.Handle": false, "context.Context": false, "encoding/binary.ByteOrder": false, "log/slog.Handler": false, "embed.FS": false,
	"time.Location": true, "regexp.Regexp": true, "strings.Replacer": true, "encoding/base64.Encoding": true,
	"encoding/base32.Encoding": true, "log/slog.Logger": true,
}

// immutable reports whether values of the type are known never to change.
func immutable(t types.Type) bool {
	name := typeName(t)
	if name == nil || name.Pkg() == nil {
		return false
	}
	throughPointers, known := immutableTypes[name.Pkg().Path()+"."+name.Name()]
	_, pointer := types.Unalias(t).(*types.Pointer)
	return known && (throughPointers || !pointer)
}

// harmlessTypes change by being used, in ways that no result is made of.
var harmlessTypes = map[string]bool{
	"sync.Mutex": true, "sync.RWMutex": true, "sync.WaitGroup": true, "sync.Pool": true, "sync.Cond": true,
	"sync.Locker": true, "log.Logger": true, "os.File": true, "testing.T": true, "net/http.ServeMux": false, "database/sql.DB": true,
	"database/sql.Stmt": true, "database/sql.Rows": true, "database/sql.Tx": true,
}

// readMethods are methods that change nothing, of types that have others.
var readMethods = map[string]bool{
	"(*net/http.Client).Do": true, "(*net/http.Client).Get": true, "(*net/http.Client).Head": true, "(*net/http.Client).Post": true,
	"(*net/http.Client).PostForm": true, "(net/http.Header).Get": true, "(net/http.Header).Values": true,
	"(net/http.Header).Clone": true, "(net/url.Values).Get": true, "(net/url.Values).Has": true, "(net/url.Values).Encode": true,
	"(*net/url.URL).JoinPath": true, "(*net/url.URL).ResolveReference": true, "(*net/url.URL).IsAbs": true,
	"(*net/url.URL).EscapedPath": true, "(*net/url.URL).RequestURI": true, "(*net/url.URL).String": true, "(*net/url.URL).Query": true, "(*net/url.URL).Hostname": true, "(*net/url.URL).Port": true,
	"(*net/http.ServeMux).ServeHTTP": true, "(net/http.Handler).ServeHTTP": true, "(net/http.HandlerFunc).ServeHTTP": true,
	"(*sync/atomic.Bool).Load": true, "(*sync/atomic.Int32).Load": true, "(*sync/atomic.Int64).Load": true,
	"(*sync/atomic.Uint32).Load": true, "(*sync/atomic.Uint64).Load": true, "(*sync/atomic.Pointer[T]).Load": true,
	"(*sync/atomic.Value).Load": true, "(*sync.Map).Load": true, "(*sync.Map).Range": true,
	"(error).Error": true, "(fmt.Stringer).String": true, "(net/http.RoundTripper).RoundTrip": true,
}

// readOnlyMethod reports whether a method of a dependency is known to change nothing that a result is made of.
func readOnlyMethod(fn *types.Func) bool {
	recv := fn.Signature().Recv().Type()
	if isLibrary(fn) {
		return fn.Name() != "Set" // which stores a result that the caller made
	}
	if fn.Pkg() == nil || immutable(recv) {
		return fn.Name() != "Longest" && !strings.HasPrefix(fn.Name(), "Unmarshal") && !strings.HasPrefix(fn.Name(), "GobDecode") // of a regexp
	}
	if flat(recv) {
		return true // a value that is copied
	}
	full := fn.Origin().FullName()
	if name := typeName(recv); name != nil && name.Pkg() != nil {
		path := name.Pkg().Path()
		if path == "os" && (fn.Name() == "Seek" || strings.HasPrefix(fn.Name(), "Read") || fn.Name() == "Truncate") {
			return false // where the next one reads
		}
		if harmlessTypes[path+"."+name.Name()] && !strings.HasPrefix(fn.Name(), "Set") {
			return true
		}
		if (path == "html/template" || path == "text/template") && (strings.HasPrefix(fn.Name(), "Execute") || fn.Name() == "Lookup" || fn.Name() == "Name") {
			return true
		}
	}
	return readMethods[full] || remoteCall(fn)
}

// remoteCall reports whether a method looks like one that asks another system: it takes a context first. What such a
// method changes is not in this process.
func remoteCall(fn *types.Func) bool {
	params := fn.Signature().Params()
	return params.Len() > 0 && isContext(params.At(0).Type()) && !setterName(fn.Name())
}

// setterName reports whether a function with the name is likely to change what it is called on.
func setterName(name string) bool {
	for _, prefix := range []string{
		"Set", "Add", "Put", "Store", "Register", "Insert", "Push", "Append", "Update", "Swap", "CompareAnd", "Reset",
		"Enable", "Disable", "Use", "Configure", "Replace", "Merge", "Load", "Init", "Override", "Remove", "Delete", "Clear", "Unset",
	} {
		if rest, ok := strings.CutPrefix(name, prefix); ok && (rest == "" || rest[0] < 'a' || rest[0] > 'z') {
			return true
		}
	}
	return false
}

// pureFunctions are dependencies' functions that leave what they are given as it is, beside those of inert packages.
var pureFunctions = map[string]bool{
	"encoding/json.Marshal": true, "encoding/json.MarshalIndent": true, "encoding/json.NewEncoder": true, "encoding/json.Valid": true,
	"encoding/xml.Marshal": true, "io.WriteString": true, "sort.SearchStrings": true, "sort.SearchInts": true, "sort.Search": true,
	"os.WriteFile": true, "reflect.DeepEqual": true, "net/http.NewRequestWithContext": true, "io.Copy": true, "io.ReadAll": true,
	"net/http.Error": true, "net/http.Redirect": true, "net/http.StatusText": true, "log.Print": true, "log.Printf": true,
	"log.Println": true, "log.Fatal": true, "log.Fatalf": true, "fmt.Print": true, "fmt.Println": true, "fmt.Printf": true,
	"fmt.Fprint": true, "fmt.Fprintln": true, "fmt.Fprintf": true, "maps.Keys": true, "maps.Values": true, "maps.Clone": true,
	"slices.ContainsFunc": true, "slices.IndexFunc": true, "slices.SortedFunc": true, "slices.MaxFunc": true, "slices.MinFunc": true,
	"encoding/csv.NewReader": true, "encoding/csv.NewWriter": true, "encoding/json.NewDecoder": true, "bufio.NewReader": true,
	"bufio.NewWriter": true, "bufio.NewScanner": true,
	"slices.BinarySearch": true, "slices.EqualFunc": true, "context.WithValue": true, "context.WithTimeout": true,
	"context.WithCancel": true, "context.WithDeadline": true, "maps.Equal": true, "reflect.TypeOf": true,
}

// pure reports whether a dependency's function changes nothing through its arguments, and nothing of its own.
func pure(fn *types.Func) bool {
	path := fn.Pkg().Path()
	name := path + "." + fn.Name()
	if name == "reflect.ValueOf" {
		return false // what it returns can set
	}
	return isLibrary(fn) || inertPackages[path] || inertFunctions[name] || pureFunctions[name] || path == "log/slog" && !setterName(fn.Name())
}

// processState are functions of the standard library that change the state of the process.
var processState = map[string]bool{
	"os.Setenv": true, "os.Unsetenv": true, "os.Clearenv": true, "os.Chdir": true, "syscall.Setenv": true, "syscall.Unsetenv": true,
	"syscall.Clearenv": true, "syscall.Chdir": true, "math/rand.Seed": true, "log.SetOutput": true, "log.SetFlags": true,
	"log.SetPrefix": true, "log/slog.SetDefault": true, "log/slog.SetLogLoggerLevel": true, "encoding/gob.Register": true,
	"encoding/gob.RegisterName": true, "database/sql.Register": true, "image.RegisterFormat": true, "mime.AddExtensionType": true,
	"net/http.Handle": true, "net/http.HandleFunc": true, "expvar.Publish": true, "expvar.NewInt": true, "expvar.NewFloat": true, "expvar.NewMap": true, "expvar.NewString": true, "crypto.RegisterHash": true,
	"archive/zip.RegisterCompressor": true, "archive/zip.RegisterDecompressor": true, "crypto/x509.SetFallbackRoots": true,
	"flag.Set": true, "(flag.Value).Set": true, "(*flag.FlagSet).Set": true, "(*log.Logger).SetPrefix": true,
	"(*log.Logger).SetFlags": true, "(*log.Logger).SetOutput": true, "(*os.File).Chdir": true, "flag.Parse": true, "internal/godebug.Setenv": true, "crypto/elliptic.Register": true,
}

// fillingName reports whether a function with the name may fill what it is given: fmt.Sscan, strconv.AppendInt,
// binary.BigEndian.PutUint64.
func fillingName(name string) bool {
	switch name {
	case "Encode", "EncodeRune", "Decode", "Sum", "Copy":
		return true
	}
	for _, prefix := range []string{"Append", "Put", "Scan", "Sscan", "Fscan", "Read", "Expand", "Unmarshal", "Fill"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
