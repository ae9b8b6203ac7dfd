// Package handler finds out from a function's source what its handler takes, so that the runner can say how to call it. It
// reads syntax only: what it cannot see it does not claim.
package handler

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Input is what a handler takes.
type Input struct {
	Type   string // as the source writes it: "events.SQSEvent", "Query"; "" where it cannot be seen
	Event  string // the form in which the runner sends requests to it, or "" where it takes none
	Sample string // for a struct of the function's own: JSON with its fields, for people to fill in
}

// Plain reports whether the handler takes a type that no HTTP request becomes.
func (in Input) Plain() bool { return in.Type != "" && in.Event == "" }

// forms are the event types that are requests.
var forms = map[string]string{
	"LambdaFunctionURLRequest": "http", "APIGatewayV2HTTPRequest": "http",
	"APIGatewayProxyRequest": "rest", "ALBTargetGroupRequest": "alb",
}

const eventsPath = "github.com/aws/aws-lambda-go/events"

// Starts reports whether the package in a folder starts a function: whether it calls a lambda package's Start.
func Starts(folder string) bool {
	p := load(folder)
	for _, file := range p.files {
		if p.started(file) != nil {
			return true
		}
	}
	return false
}

// Find reads the package main in a folder.
func Find(folder string) Input {
	p := load(folder)
	for _, file := range p.files {
		if arg := p.started(file); arg != nil {
			return p.input(file, arg)
		}
	}
	return Input{}
}

func load(folder string) *pkg {
	p := &pkg{funcs: map[string]*ast.FuncDecl{}, types: map[string]ast.Expr{}, imports: map[*ast.File]map[string]string{}}
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return p
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		if file, _ := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution); file != nil {
			p.add(file)
		}
	}
	return p
}

type pkg struct {
	files   []*ast.File
	funcs   map[string]*ast.FuncDecl // without methods
	types   map[string]ast.Expr
	imports map[*ast.File]map[string]string // the path by the name in the file
}

func (p *pkg) add(file *ast.File) {
	p.files = append(p.files, file)
	names := map[string]string{}
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		name := path[strings.LastIndex(path, "/")+1:]
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = path
	}
	p.imports[file] = names
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				p.funcs[d.Name.Name] = d
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if t, ok := spec.(*ast.TypeSpec); ok {
					p.types[t.Name.Name] = t.Type
				}
			}
		}
	}
}

// started returns what the file gives to a lambda package's Start, or nil.
func (p *pkg) started(file *ast.File) ast.Expr {
	var arg ast.Expr
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return arg == nil
		}
		if s, ok := call.Fun.(*ast.SelectorExpr); ok && strings.HasPrefix(s.Sel.Name, "Start") {
			if x, ok := s.X.(*ast.Ident); ok && strings.HasSuffix(p.imports[file][x.Name], "/lambda") {
				arg = call.Args[0]
				if s.Sel.Name == "StartWithContext" && len(call.Args) > 1 {
					arg = call.Args[1]
				}
			}
		}
		return arg == nil
	})
	return arg
}

// input follows the handler's expression to a function of this package: through calls that wrap it.
func (p *pkg) input(file *ast.File, e ast.Expr) Input {
	switch x := e.(type) {
	case *ast.FuncLit:
		return p.parameter(file, x.Type)
	case *ast.Ident:
		if f := p.funcs[x.Name]; f != nil {
			return p.parameter(p.fileWith(f), f.Type)
		}
	case *ast.CallExpr:
		if name := selected(x.Fun); name == "HTTPHandler" {
			return Input{Type: "http.Handler", Event: "http"}
		}
		for _, arg := range x.Args {
			if in := p.input(file, arg); in.Type != "" {
				return in
			}
		}
	}
	return Input{}
}

func selected(e ast.Expr) string {
	if s, ok := e.(*ast.SelectorExpr); ok {
		return s.Sel.Name
	}
	return ""
}

// fileWith returns the file that a node of a declaration stands in.
func (p *pkg) fileWith(node ast.Node) *ast.File {
	for _, file := range p.files {
		found := false
		ast.Inspect(file, func(n ast.Node) bool {
			found = found || n == node
			return !found
		})
		if found {
			return file
		}
	}
	return nil
}

// parameter takes the last parameter that is no context.
func (p *pkg) parameter(file *ast.File, t *ast.FuncType) Input {
	if t.Params == nil || len(t.Params.List) == 0 {
		return Input{}
	}
	return p.typed(file, t.Params.List[len(t.Params.List)-1].Type, 0)
}

func (p *pkg) typed(file *ast.File, e ast.Expr, depth int) Input {
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	switch x := e.(type) {
	case *ast.ArrayType: // a map may take anything
		in := Input{Type: types.ExprString(e)}
		in.Sample = text(p.sample(e, 0))
		return in
	case *ast.SelectorExpr:
		pkg, ok := x.X.(*ast.Ident)
		if !ok || x.Sel.Name == "Context" || x.Sel.Name == "RawMessage" {
			return Input{}
		}
		in := Input{Type: pkg.Name + "." + x.Sel.Name}
		if p.imports[file][pkg.Name] == eventsPath {
			in.Event = forms[x.Sel.Name]
		}
		return in
	case *ast.Ident:
		switch x.Name {
		case "any":
			return Input{}
		}
		in := Input{Type: x.Name}
		under := p.types[x.Name]
		if _, other := under.(*ast.SelectorExpr); other && depth < 3 { // type request = events.ALBTargetGroupRequest
			return p.typed(p.fileWith(under), under, depth+1)
		}
		in.Sample = text(p.sample(x, 0))
		return in
	}
	return Input{}
}

// text returns a sample as JSON, or "" where there is none.
func text(sample any) string {
	if sample == nil {
		return ""
	}
	b, err := json.Marshal(sample)
	if err != nil {
		return ""
	}
	return string(b)
}

// sample returns a value with the fields of a type of the function's own.
func (p *pkg) sample(e ast.Expr, depth int) any {
	if depth > 4 {
		return nil
	}
	switch x := e.(type) {
	case *ast.StarExpr:
		return p.sample(x.X, depth+1)
	case *ast.ArrayType:
		if elem, ok := x.Elt.(*ast.Ident); ok && elem.Name == "byte" && x.Len == nil {
			return []byte("text")
		}
		return []any{p.sample(x.Elt, depth+1)}
	case *ast.MapType:
		if _, number := p.sample(x.Key, depth+1).(int); number {
			return map[string]any{"1": p.sample(x.Value, depth+1)}
		}
		return map[string]any{"key": p.sample(x.Value, depth+1)}
	case *ast.StructType:
		return p.sampleFields(x, depth)
	case *ast.Ident:
		switch x.Name {
		case "string":
			return "text"
		case "bool":
			return true
		case "int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64", "float32", "float64":
			return 1
		}
		if under := p.types[x.Name]; under != nil {
			return p.sample(under, depth+1)
		}
	}
	return nil
}

func (p *pkg) sampleFields(x *ast.StructType, depth int) map[string]any {
	fields := map[string]any{}
	for _, f := range x.Fields.List {
		for _, name := range f.Names {
			key, quoted := jsonName(f, name)
			if key == "" {
				continue
			}
			v := p.sample(f.Type, depth+1)
			if quoted && v != nil {
				v = text(v)
			}
			fields[key] = v
		}
	}
	return fields
}

// jsonName returns what encoding/json calls a field, or "" for one that it leaves out, and whether it has the value in a string.
func jsonName(f *ast.Field, name *ast.Ident) (key string, quoted bool) {
	if !name.IsExported() {
		return "", false
	}
	if f.Tag != nil {
		if tag, err := strconv.Unquote(f.Tag.Value); err == nil {
			key, options, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
			quoted = slices.Contains(strings.Split(options, ","), "string")
			if key == "-" && options == "" {
				return "", false
			}
			if key != "" {
				return key, quoted
			}
		}
	}
	return name.Name, quoted
}
