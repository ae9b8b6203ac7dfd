package adapter

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// notCompared are the fields of options that say nothing about what is cached. Whoever adds one has to say so here.
var notCompared = []string{"place", "problems", "runtime", "dataOnly", "resourceOnly", "outputMutation", "legacy", "deprecatedName"}

func TestOptionComparison(t *testing.T) {
	t.Run("F7 every field of the options is compared", func(t *testing.T) {
		typ := reflect.TypeFor[options]()
		for i := range typ.NumField() {
			field := typ.Field(i)
			if ignored(field) != slices.Contains(notCompared, field.Name) {
				t.Errorf("%s: compared and listed as not compared, or the other way round", field.Name)
			}
			if ignored(field) {
				continue
			}
			if field.Tag.Get("option") == "" {
				t.Errorf("%s has no option tag: no message could name it", field.Name)
			}
			var a, b options
			setSomething(t, exported(reflect.ValueOf(&b).Elem().Field(i)))
			if got := a.differences(&b); len(got) != 1 {
				t.Errorf("%s: a change is reported as %q", field.Name, got)
			}
			if got := b.differences(&b); len(got) != 0 {
				t.Errorf("%s differs from itself: %q", field.Name, got)
			}
		}
	})
	// One use of every option, and another one that differs as little as it can.
	sets := map[string][2]CacheOption{
		"TTL": {TTL("1m"), TTL("2m")}, "MaxEntries": {MaxEntries(1), MaxEntries(2)}, "Name": {Name("a"), Name("b")},
		"HashFunc":           {HashFunc(capturing(1)), HashFunc(capturing(2))},
		"HashFuncNamed":      {HashFuncNamed("a.B", hashing(1)), HashFuncNamed("a.B", hashing(2))},
		"Key":                {Key(keying(1)), Key(keying(2))},
		"Scope":              {Scope(scoping("a")), Scope(scoping("b"))},
		"ShareAcrossTenants": {ShareAcrossTenants(), nil},
		"StaleFor":           {StaleFor("1m"), StaleFor("2m")}, "Spinner": {Spinner("a"), Spinner(false)},
		"Persist": {Persist("redis"), Persist("s3")}, "MaxSize": {MaxSize(1), MaxSize(2)},
		"FailSafe": {FailSafe("1m"), FailSafe("2m")}, "FailIf": {FailIf(judging(1)), FailIf(judging(2))},
		"SoftTimeout": {SoftTimeout("1s"), SoftTimeout("2s")}, "RefreshAhead": {RefreshAhead(0.5), RefreshAhead(0.6)},
		"TTLFrom": {TTLFrom(lasting(1)), TTLFrom(lasting(2))}, "Jitter": {Jitter(0.1), Jitter(0.2)},
		"Version": {Version("1"), Version("2")}, "CacheIf": {CacheIf(judging(1)), CacheIf(judging(2))},
		"PrivateIf": {PrivateIf(judging(1)), PrivateIf(judging(2))},
		"Tags":      {Tags(tagging("a")), Tags(tagging("b"))}, "TagsOf": {TagsOf(taggingOf("a")), TagsOf(taggingOf("b"))},
		"NearTTL": {NearTTL("1s"), NearTTL("2s")}, "Coherent": {Coherent(), nil}, "CanonicalJSON": {CanonicalJSON(), nil},
		"Validate":      {Validate(validating(1)), Validate(validating(2))},
		"ValidateErr":   {ValidateErr(validatingErr(1)), ValidateErr(validatingErr(2))},
		"ValidateWith":  {ValidateWith(validatingWith(1)), ValidateWith(validatingWith(2))},
		"ValidateEvery": {ValidateEvery(time.Second), ValidateEvery(time.Minute)},
		"OnRelease":     {OnRelease(validatingErr(1)), OnRelease(validatingErr(2))},
	}
	for name, set := range sets {
		t.Run("F7 "+name+" is compared, and functions by what they captured", func(t *testing.T) {
			a, again, other := apply(set[0]), apply(set[0]), apply(set[1])
			if len(a.problems) > 0 {
				t.Fatal(a.problems[0])
			}
			if got := a.differences(again); len(got) > 0 {
				t.Errorf("differs from itself: %v", got)
			}
			if got := a.differences(other); len(got) != 1 || !strings.Contains(got[0], strings.TrimSuffix(name, "Named")) {
				t.Errorf("the difference is reported as %q", got)
			}
			if got := a.differences(&options{}); len(got) != 1 {
				t.Errorf("the difference from none is reported as %q", got)
			}
		})
	}
	t.Run("F7 every option of the package is in this test", func(t *testing.T) {
		for _, name := range optionNames(t) {
			if _, there := sets[name]; !there {
				t.Errorf("%s is not: add two uses of it", name)
			}
		}
	})
	t.Run("F7 the same code under another type is another function", func(t *testing.T) {
		a, b := apply(HashFunc(func(int) int { return 1 })), apply(HashFunc(func(int8) int { return 1 }))
		if len(a.differences(b)) == 0 {
			t.Fatal("not seen")
		}
	})
}

// Functions that capture something: each call makes another closure of the same code. Where a call is inlined the
// compiler copies the code, so none is.

//go:noinline
func capturing(n int) func(int) int { return func(v int) int { return n + v } }

//go:noinline
func hashing(n int) func(any) (any, error) { return func(any) (any, error) { return n, nil } }

//go:noinline
func keying(n int) func(int) (int, bool) { return func(v int) (int, bool) { return n + v, true } }

//go:noinline
func scoping(s string) func(context.Context) string { return func(context.Context) string { return s } }

//go:noinline
func judging(n int) func(int) bool { return func(v int) bool { return v == n } }

//go:noinline
func lasting(n time.Duration) func(int) time.Duration {
	return func(int) time.Duration { return n }
}

//go:noinline
func tagging(s string) func(int) []string { return func(int) []string { return []string{s} } }

//go:noinline
func taggingOf(s string) func(int, int) []string {
	return func(int, int) []string { return []string{s} }
}

//go:noinline
func validating(n int) func(context.Context, int) bool {
	return func(_ context.Context, v int) bool { return v == n }
}

//go:noinline
func validatingErr(n int) func(context.Context, int) error {
	return func(_ context.Context, v int) error { _ = n + v; return nil }
}

//go:noinline
func validatingWith(n int) func(context.Context, int, int) bool {
	return func(_ context.Context, v, _ int) bool { return v == n }
}

func apply(opt CacheOption) *options {
	o := &options{}
	switch opt := opt.(type) {
	case nil:
	case DataOption:
		opt.applyData(o)
	case ResourceOption:
		opt.applyResource(o)
	}
	return o
}

// setSomething gives v a value that is not its zero.
func setSomething(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString("x")
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Float64:
		v.SetFloat(0.5)
	case reflect.Func:
		v.Set(reflect.MakeFunc(v.Type(), func([]reflect.Value) []reflect.Value { return nil }))
	case reflect.Interface:
		if v.Type() == reflect.TypeFor[reflect.Type]() {
			v.Set(reflect.ValueOf(reflect.TypeFor[int]()))
		} else {
			v.Set(reflect.ValueOf(func() {}))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	case reflect.Struct:
		for i := range v.NumField() {
			if !ignored(v.Type().Field(i)) {
				setSomething(t, exported(v.Field(i)))
			}
		}
	default:
		t.Fatalf("no value for a %v: say here how to make one", v.Type())
	}
}

// optionNames returns the names of the functions of this package that return an option.
func optionNames(t *testing.T) (names []string) {
	t.Helper()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.IsExported() && returnsOption(fn) {
				names = append(names, fn.Name.Name)
			}
		}
	}
	slices.Sort(names)
	if len(names) < 30 {
		t.Fatalf("found only %v", names)
	}
	// Which Runtime is meant is decided before options are compared: each has a registry of its own.
	return slices.DeleteFunc(names, func(n string) bool { return n == "WithRuntime" })
}

func returnsOption(fn *ast.FuncDecl) bool {
	if fn.Type.Results == nil || len(fn.Type.Results.List) != 1 {
		return false
	}
	id, ok := fn.Type.Results.List[0].Type.(*ast.Ident)
	return ok && slices.Contains([]string{"Option", "DataOption", "ResourceOption"}, id.Name)
}
