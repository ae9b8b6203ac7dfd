package key

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	gotoken "go/token"
	"go/types"
	"io"
	"os"
	"reflect"
	"regexp"
	"sync"
	"testing"
	"time"
)

// adapterStub declares what suggested lines use of package adapter, as that does.
const adapterStub = `package adapter
type Option struct{}
func HashFunc[T, K any](hash func(T) K) Option { return Option{} }
func HashFuncNamed(typeName string, hash func(any) (any, error)) Option { return Option{} }
`

// stubbed imports package adapter from the stub, and everything else from source.
type stubbed struct {
	types.Importer
	adapter *types.Package
}

func (s stubbed) Import(path string) (*types.Package, error) {
	if path == "adapter" {
		return s.adapter, nil
	}
	return s.Importer.Import(path)
}

func TestSuggestions(t *testing.T) {
	_ = suggestUse()
	fset := gotoken.NewFileSet()
	parse := func(name string, src any) *ast.File {
		f, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
		if err != nil {
			t.Fatalf("%v\n%v", err, src)
		}
		return f
	}
	stub, err := (&types.Config{}).Check("adapter", fset, []*ast.File{parse("adapter.go", adapterStub)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	imp := stubbed{importer.ForCompiler(fset, "source", nil), stub}
	users := parse("suggestions_types_test.go", nil)
	compiles := func(t *testing.T, line string) {
		t.Helper()
		src := "package key\n\nimport (\n\t\"adapter\"\n\t\"io\"\n\t\"os\"\n\t\"sync\"\n\t\"time\"\n)\n\n" +
			"var _ io.Closer\nvar _ os.Process\nvar _ sync.Mutex\nvar _ time.Time\nvar _ adapter.Option\n\n" + line + "\n"
		if _, err := (&types.Config{Importer: imp}).Check("key", fset, []*ast.File{users, parse("line.go", src)}, nil); err != nil {
			t.Errorf("%v\n%s", err, line)
		}
	}
	hashFunc := regexp.MustCompile(`(?m)^\t(adapter\.HashFunc.*)$`)
	field := regexp.MustCompile("(?m)^\t([A-Za-z*].*`.*cache:\"-\".*`)$")
	tagged := 0
	for _, typ := range []reflect.Type{
		reflect.TypeFor[suggestConn](), reflect.TypeFor[*suggestConn](), reflect.TypeFor[suggestHidden](), reflect.TypeFor[*suggestLocked](),
		reflect.TypeFor[suggestCallback](), reflect.TypeFor[[]suggestCallback](), reflect.TypeFor[suggestDeep](),
		reflect.TypeFor[suggestGeneric[string, []suggestHidden]](), reflect.TypeFor[suggestTagged](), reflect.TypeFor[suggestEmbedding](),
		reflect.TypeFor[suggestFiles](), reflect.TypeFor[map[suggestHidden]int](), reflect.TypeFor[io.ReadCloser](), reflect.TypeFor[*os.Process](),
		reflect.TypeFor[sync.Mutex](), reflect.TypeFor[func(time.Time) *suggestDeep](), reflect.TypeFor[chan<- []suggestHidden](),
		reflect.TypeFor[struct{ Made func() time.Time }](), reflect.TypeFor[[3]*time.Timer](),
	} {
		t.Run(fmt.Sprintf("K15 what the message for %v suggests compiles in the user's package", typ), func(t *testing.T) {
			_, err := Compile(typ, Options{Function: "f", Package: userHome})
			if err == nil {
				t.Fatal("it can be hashed")
			}
			text := err.Error()
			lines := hashFunc.FindAllStringSubmatch(text, -1)
			if len(lines) == 0 {
				t.Fatal("no hash function is suggested:\n", text)
			}
			for _, m := range lines {
				compiles(t, "var _ = "+m[1])
			}
			for _, m := range field.FindAllStringSubmatch(text, -1) {
				tagged++
				compiles(t, "type suggested struct {\n\t"+m[1]+"\n}")
			}
		})
	}
	if tagged == 0 {
		t.Error("K15 no field to tag was suggested for any of them")
	}
}

// userHome is the package that declares the types.
var userHome = reflect.TypeFor[suggestConn]().PkgPath()
