package bench

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// linkedFunctions are the functions whose size and start are watched: one for each backend, one with two of them.
var linkedFunctions = []string{"ours", "ours-disk", "ours-redis", "ours-s3", "ours-both"}

// forbidden are packages that no deployed function links, with the reason. An entry ending in "/" means all below it.
var forbidden = map[string]string{
	"github.com/aws/aws-sdk-go-v2/config":                  "the SDK's full chain of credentials: 2 MB and a millisecond; package awsconfig is for who wants it",
	"github.com/aws/aws-sdk-go-v2/service/sso":             "comes with the SDK's config",
	"github.com/aws/aws-sdk-go-v2/service/ssooidc":         "comes with the SDK's config",
	"github.com/aws/aws-sdk-go-v2/service/sts":             "comes with the SDK's config",
	"github.com/stillwarm/stillwarm/backends/s3/awsconfig": "links the SDK's config",
	"github.com/stillwarm/stillwarm/localdev/":             "the local runner",
	"github.com/stillwarm/stillwarm/backends/backendstest": "a test-support package",
	"testing":            "registers flags and brings the test framework",
	"flag":               "no function has a command line",
	"net/http/pprof":     "registers handlers on the default mux",
	"runtime/pprof":      "only profilers need it",
	"expvar":             "registers a handler on the default mux",
	"html/template":      "calls methods by name, so the linker keeps every method of the program",
	"text/template":      "calls methods by name, so the linker keeps every method of the program",
	"embed":              "pages belong to the local runner",
	"net/rpc":            "aws-lambda-go leaves it out with the tag lambda.norpc",
	"github.com/spf13/":  "a command line library",
	"github.com/urfave/": "a command line library",
}

// ownBackends are the packages of backends and of their clients: a function links those that it imports.
var ownBackends = map[string]string{
	"github.com/redis/go-redis/v9":            "ours-redis",
	"github.com/aws/aws-sdk-go-v2/service/s3": "ours-s3",
}

func TestLinkedPackages(t *testing.T) {
	for _, name := range linkedFunctions {
		t.Run(name, func(t *testing.T) {
			linked := dependencies(t, name)
			t.Logf("%d packages", len(linked))
			for pkg, why := range forbidden {
				if i := slices.IndexFunc(linked, func(p string) bool { return p == pkg || strings.HasSuffix(pkg, "/") && strings.HasPrefix(p, pkg) }); i >= 0 {
					t.Errorf("links %s: %s; go list -deps -f '{{.ImportPath}}: {{.Imports}}' shows who imports it", linked[i], why)
				}
			}
			for pkg, owner := range ownBackends {
				want := name == owner || name == "ours-both"
				if slices.Contains(linked, pkg) != want {
					t.Errorf("links %s: %v, want %v", pkg, !want, want)
				}
			}
		})
	}
}

// dependencies lists what a function is built from.
func dependencies(t *testing.T, function string) []string {
	t.Helper()
	out := goTool(t, "list", "-deps", "-tags", "lambda.norpc", "./bench/functions/"+function)
	return strings.Fields(out)
}

func goTool(t *testing.T, args ...string) string {
	t.Helper()
	top, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = filepath.Join(top, "tests")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String() + stderr.String()
}

// TestNothingOfOursMakesTheLinkerKeepAllMethods: a function that looks methods up by a name that the linker cannot know
// (reflect.Value.MethodByName, reflect.Type.Method, templates) makes it keep every exported method of every type, which
// doubles the size of a function with the AWS SDK. The linker marks such functions when it is asked to print what depends on what.
func TestNothingOfOursMakesTheLinkerKeepAllMethods(t *testing.T) {
	if testing.Short() {
		t.Skip("links a function")
	}
	out := goTool(t, "build", "-tags", "lambda.norpc", "-ldflags", "-dumpdep", "-o", filepath.Join(t.TempDir(), "function"),
		"./bench/functions/ours-both")
	edges, marked := 0, map[string]bool{}
	for line := range strings.Lines(out) {
		from, _, ok := strings.Cut(line, " -> ")
		if !ok {
			continue
		}
		edges++
		if strings.Contains(from, "<ReflectMethod>") {
			marked[from] = true
		}
	}
	if edges < 1000 {
		t.Fatalf("the linker printed %d dependencies: it does not say what this test looks for", edges)
	}
	for symbol := range marked {
		t.Errorf("%s looks methods up by name or number: the linker keeps every exported method of the program for it", symbol)
	}
}
