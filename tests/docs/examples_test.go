package docs_test

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/awslabs/goformation/v7/intrinsics"
	"github.com/awslabs/goformation/v7/schema"
	"github.com/evanw/esbuild/pkg/api"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/xeipuuv/gojsonschema"
)

// deployable are the examples with a template for SAM, Terraform and CDK each.
var deployable = []string{"http-api", "sqs", "warm-up"}

// compiledSchema is SAM's schema; compiling it takes a second.
var compiledSchema = sync.OnceValues(func() (*gojsonschema.Schema, error) {
	return gojsonschema.NewSchema(gojsonschema.NewStringLoader(schema.SamSchema))
})

// samMistakes returns what SAM's schema says of a template.
func samMistakes(template string) ([]string, error) {
	// goformation's schema is older than this property of SQS events.
	template = strings.Replace(template, "            FunctionResponseTypes: [ReportBatchItemFailures]\n", "", 1)
	asJSON, err := intrinsics.ProcessYAML([]byte(template), &intrinsics.ProcessorOptions{
		IntrinsicHandlerOverrides: map[string]intrinsics.IntrinsicHandler{
			"Fn::GetAtt": func(string, any, any) any { return "arn:aws:sqs:eu-central-1:123456789012:name" },
		},
	})
	if err != nil {
		return nil, err
	}
	samSchema, err := compiledSchema()
	if err != nil {
		return nil, err
	}
	result, err := samSchema.Validate(gojsonschema.NewBytesLoader(asJSON))
	if err != nil {
		return nil, err
	}
	var mistakes []string
	for _, e := range result.Errors() {
		mistakes = append(mistakes, e.String())
	}
	return mistakes, nil
}

// terraformMistakes parses a configuration and returns what is wrong with it, and the types of its resources.
func terraformMistakes(src string) (mistakes, resources []string) {
	f, diagnostics := hclparse.NewParser().ParseHCL([]byte(src), "main.tf")
	for _, d := range diagnostics {
		if d.Severity == hcl.DiagError {
			mistakes = append(mistakes, d.Error())
		}
	}
	if f == nil {
		return mistakes, nil
	}
	body, ok := f.Body.(*hclsyntax.Body)
	if !ok {
		return append(mistakes, "no body"), nil
	}
	for _, b := range body.Blocks {
		if b.Type == "resource" {
			resources = append(resources, b.Labels[0])
		}
	}
	return mistakes, resources
}

func typescriptMistakes(src string) (mistakes []string) {
	for _, m := range api.Transform(src, api.TransformOptions{Loader: api.LoaderTS}).Errors {
		mistakes = append(mistakes, m.Text)
	}
	return mistakes
}

// The templates of the examples and of Start here are valid as far as can be told without an account, and the three of an
// example say the same.
func TestTemplates(t *testing.T) {
	templates := map[string]string{}
	for _, b := range parsePage("docs/start.md", []byte(read(t, "docs/start.md"))).blocks {
		if b.lang == "yaml" {
			templates["Start here"] = b.text
		}
	}
	for _, e := range deployable {
		templates[e] = read(t, "examples/"+e+"/template.yaml")
	}
	if templates["Start here"] == "" {
		t.Fatal("Start here has no template")
	}
	same := []string{"provided.al2023", "bootstrap", "STILLWARM_BACKEND", "/cache?region=", "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket", "cache/e/", "cache/l/"}
	for name, template := range templates {
		t.Run("SAM "+name, func(t *testing.T) {
			mistakes, err := samMistakes(template)
			if err != nil || len(mistakes) > 0 {
				t.Errorf("%v %q", err, mistakes)
			}
			says(t, template, same)
		})
	}
	for _, e := range deployable {
		t.Run("Terraform "+e, func(t *testing.T) {
			src := read(t, "examples/"+e+"/main.tf")
			mistakes, resources := terraformMistakes(src)
			if len(mistakes) > 0 || !slices.Contains(resources, "aws_lambda_function") || !slices.Contains(resources, "aws_s3_bucket") {
				t.Errorf("%q; resources %q", mistakes, resources)
			}
			says(t, src, same)
		})
		t.Run("CDK "+e, func(t *testing.T) {
			src := read(t, "examples/"+e+"/stack.ts")
			if mistakes := typescriptMistakes(src); len(mistakes) > 0 {
				t.Errorf("%q", mistakes)
			}
			says(t, strings.Replace(src, "PROVIDED_AL2023", "provided.al2023", 1), same)
		})
	}
	t.Run("mistakes are found", func(t *testing.T) {
		bad := strings.Replace(templates["sqs"], "Runtime:", "Runtimes:", 1)
		if mistakes, err := samMistakes(bad); err != nil || len(mistakes) == 0 {
			t.Errorf("SAM: %v %q", err, mistakes)
		}
		if mistakes, _ := terraformMistakes("resource \"a\" \"b\" {\n  x = \n}\n"); len(mistakes) == 0 {
			t.Error("Terraform: nothing")
		}
		if mistakes := typescriptMistakes("const a: string = ;"); len(mistakes) == 0 {
			t.Error("TypeScript: nothing")
		}
	})
}

func says(t *testing.T, text string, parts []string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("it does not say %s", p)
		}
	}
}

// What sam build calls for an example makes an executable for the architecture of the template.
func TestExamplesBuildAsSAMBuildsThem(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("no make")
	}
	for _, e := range deployable {
		t.Run(e, func(t *testing.T) {
			out := t.TempDir()
			cmd := exec.Command("make", "build-Function", "ARTIFACTS_DIR="+out)
			cmd.Dir = filepath.Join(root, "examples", e)
			if said, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, said)
			}
			built, err := elf.Open(filepath.Join(out, "bootstrap"))
			if err != nil {
				t.Fatal(err)
			}
			defer built.Close()
			if info, err := os.Stat(filepath.Join(out, "bootstrap")); built.Machine != elf.EM_AARCH64 || err != nil || info.Mode()&0o111 == 0 {
				t.Errorf("machine %v, mode %v, %v", built.Machine, info.Mode(), err)
			}
		})
	}
}
