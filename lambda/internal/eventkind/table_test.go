package eventkind_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stillwarm/stillwarm/lambda/internal/eventkind"
)

var update = flag.Bool("update", false, "write the table in docs/events.md anew")

// noEvents are exported structs of the events package that no function receives: what functions return, and parts that
// no other type of the package names.
var noEvents = []string{
	"AppSyncCognitoIdentity", "AppSyncIAMIdentity", "APIGatewayCustomAuthorizerContext", "CloudwatchLogsData", "CodePipelineOutputLocation",
	"IncompatibleDynamoDBTypeError", "UnsupportedDynamoDBTypeError", "SimpleEmailDisposition", "CloudwatchLogsLogEvent", "IoTOneClickDeviceEvent",
}

// exportedStructs returns the exported structs of the events package, and which of them are parts of others.
func exportedStructs(t *testing.T) (structs []string, part map[string]bool) {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/aws/aws-lambda-go/events").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	part = map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range typeSpecs(f) {
			if _, isStruct := spec.Type.(*ast.StructType); isStruct && spec.Name.IsExported() {
				structs = append(structs, spec.Name.Name)
			}
			if spec.Assign.IsValid() {
				continue // another name for a type makes it no part
			}
			ast.Inspect(spec.Type, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok && id.Name != spec.Name.Name {
					part[id.Name] = true
				}
				return true
			})
		}
	}
	slices.Sort(structs)
	return structs, part
}

func typeSpecs(f *ast.File) (specs []*ast.TypeSpec) {
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, s := range g.Specs {
			if spec, ok := s.(*ast.TypeSpec); ok {
				specs = append(specs, spec)
			}
		}
	}
	return specs
}

// TestEveryEventIsKnown fails when a newer aws-lambda-go has an event that the table lacks.
func TestEveryEventIsKnown(t *testing.T) {
	structs, part := exportedStructs(t)
	if len(structs) < 250 {
		t.Fatalf("found %d structs", len(structs))
	}
	var table strings.Builder
	known := 0
	for _, name := range structs {
		k := eventkind.ByName(name)
		if k.Class != eventkind.Own {
			known++
			fmt.Fprintf(&table, "| `events.%s` | %s |\n", name, describe(k))
			continue
		}
		returned := strings.Contains(name, "Response")
		if !part[name] && !returned && !slices.Contains(noEvents, name) {
			t.Errorf("L4 events.%s is an event that the table lacks", name)
		}
		// An event may be a part of another one.
		if part[name] && strings.HasSuffix(name, "Event") && !returned && !slices.Contains(noEvents, name) {
			t.Errorf("L4 events.%s may be an event", name)
		}
	}
	if known < 60 {
		t.Errorf("%d events are known", known)
	}
	const page, mark = "../../../docs/events.md", "| --- | --- |\n"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), mark)
	if !ok {
		t.Fatal("no table in", page)
	}
	_, after, _ := strings.Cut(rest, "\n\n")
	want := before + mark + table.String() + "\n" + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Error("the table in docs/events.md is not what the code does: go test ./lambda/internal/eventkind -update")
	}
}

func describe(k eventkind.Kind) string {
	switch k.Class {
	case eventkind.HTTP:
		return "the rules of HTTP caching, see [HTTP](http.md)"
	case eventkind.Delivery:
		return "refused: it " + k.Why
	}
	text := "keyed whole"
	if len(k.Omit) > 0 {
		text = "keyed without `" + strings.Join(k.Omit, "`, `") + "`"
	}
	if k.Never != "" {
		text += "; never cached with `" + k.Never + "`: " + k.NeverWhy
	}
	return text
}
