package surroundings

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEnvFile(t *testing.T) {
	env, err := EnvFile(file(t, ".env", "# comment\nexport A=1\nB=\"two words\" # note\nC='${A}'\nD=${A}2\nEMPTY=\n"))
	if want := []string{"A=1", "B=two words", "C=${A}", "D=12", "EMPTY="}; err != nil || !slices.Equal(env, want) {
		t.Errorf("%q, %v", env, err)
	}
	env, err = EnvFile(file(t, "windows.env", "\ufeffA=1\r\nB=\"two\nlines\"\r\nC=3"))
	if want := []string{"A=1", "B=two\nlines", "C=3"}; err != nil || !slices.Equal(env, want) {
		t.Errorf("with a byte order mark and CRLF: %q, %v", env, err)
	}
	for name, path := range map[string]string{
		"no such file":               filepath.Join(t.TempDir(), "none"),
		"not of the form NAME=VALUE": file(t, "bad", "PASSWORD hunter2\n"),
		"env file":                   t.TempDir(),
	} {
		if _, err := EnvFile(path); err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMissing(t *testing.T) {
	path := file(t, "a.go", `package a

import env "os"

var (
	a = env.Getenv("A")
	b, _ = env.LookupEnv("B")
	c = env.Getenv("C" + "D")
	d = other.Getenv("OTHER")
	e = env.Getenv("GIVEN")
	f = env.Getenv("UNSET")
	g = env.Getenv("A")
`)
	has := func(name string) bool { return name != "UNSET" }
	given := func(name string) bool { return name == "GIVEN" }
	if got := Missing([]string{path, "no/such/file.go"}, has, given); !slices.Equal(got, []string{"A", "B"}) {
		t.Errorf("%q", got)
	}
}

const sam = `
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: dev}
  NoDefault: {Type: String}
  Memory: {Type: Number, Default: 512}
Conditions:
  Production: !Equals [!Ref Stage, prod]
  Other: !Not [!Condition Production]
Mappings:
  Sizes: {dev: {words: "3"}}
Globals:
  Function:
    Timeout: 12
    Environment:
      Variables:
        SHARED: global
        OVER: global
Resources:
  Table: {Type: AWS::DynamoDB::Table}
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: ./fn
      Handler: bootstrap
      MemorySize: !Ref Memory
      Environment:
        Variables:
          OVER: own
          STAGE: !Ref Stage
          NAME: !Sub "${Stage}-${AWS::Region}-${!literal}"
          MIX: !Sub ["${A}/${Stage}", {A: x}]
          LONG: {"Fn::Join": ["-", [a, !Ref Stage]]}
          COND: !If [Production, p, q]
          ELSE: !If [Other, !Ref AWS::NoValue, q]
          FOUND: !FindInMap [Sizes, !Ref Stage, words]
          PICK: !Select [1, [a, b]]
          TABLE: !Ref Table
          ARN: !GetAtt Table.Arn
          MIXED: !Sub "x-${Table}"
          SECRET: "{{resolve:secretsmanager:x}}"
          PARAM: !Ref NoDefault
          GIVEN: !Ref Table
          NUMBER: 7
          FLAG: true
`

func TestTemplate(t *testing.T) {
	path := file(t, "template.yaml", sam)
	f, err := Template(path, "", "", "eu-west-1", []string{"GIVEN=1"})
	if err != nil {
		t.Fatal(err)
	}
	if f.Resource != "Fn" || f.Timeout != 12*time.Second || f.MemoryMB != 512 || f.Handler != "bootstrap" ||
		f.Folder != filepath.Join(filepath.Dir(path), "fn") {
		t.Errorf("%+v", f)
	}
	env := "COND=q FLAG=true FOUND=3 LONG=a-dev MIX=x/dev NAME=dev-eu-west-1-${literal} NUMBER=7 OVER=own PICK=b SHARED=global STAGE=dev"
	if got := strings.Join(f.Env, " "); got != env {
		t.Errorf("env\n%s, want\n%s", got, env)
	}
	unresolved := "ARN: GetAtt Table.Arn | MIXED: Sub x-${Table} | PARAM: Ref NoDefault | SECRET: {{resolve:secretsmanager:x}} | TABLE: Ref Table"
	if got := strings.Join(f.Unresolved, " | "); got != unresolved {
		t.Errorf("unresolved\n%s, want\n%s", got, unresolved)
	}
}

func TestTemplateChoosesTheFunction(t *testing.T) {
	const two = "Resources:\n  A: {Type: AWS::Serverless::Function, Properties: {CodeUri: a, Timeout: 1}}\n" +
		"  B: {Type: AWS::Lambda::Function, Properties: {Timeout: 2}}\n"
	path := file(t, "t.yaml", two)
	for _, c := range []struct{ name, resource, folder, want string }{
		{"by its folder", "", filepath.Join(filepath.Dir(path), "a"), "A"},
		{"by its name", "B", "", "B"},
		{"unknown", "C", "", "no function C; it has A, B"},
		{"not clear", "", "/elsewhere", "--template-function: A, B"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := Template(path, c.resource, c.folder, "", nil)
			if f.Resource != c.want && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%+v, %v", f, err)
			}
		})
	}
	for want, text := range map[string]string{"not a mapping": "- a", "has no resource": "Resources: {}", "yaml": "a: [", "is not a mapping": ""} {
		if _, err := Template(file(t, "t.yaml", text), "", "", "", nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add(sam)
	f.Add("Resources: {A: {Type: AWS::Lambda::Function, Properties: {Timeout: !If [A, B, C]}}}\nConditions: {A: !Condition A}")
	f.Add("Parameters: {A: {Default: !Ref A}}\nResources: {F: {Type: AWS::Lambda::Function, Properties: {Handler: !Ref A}}}")
	f.Add("Parameters: {A: {Default: !Sub '${A}${A}${A}'}}\nResources: {F: {Type: AWS::Lambda::Function, Properties: {Handler: !Ref A}}}")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parse("/t/template.yaml", []byte(text), "", "", "r", nil)
		if err == nil && slices.ContainsFunc(got.Env, func(kv string) bool { return !strings.Contains(kv, "=") }) {
			t.Errorf("%q", got.Env)
		}
	})
}
