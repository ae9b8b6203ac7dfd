package runner_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/localdev/internal/proctest"
	"github.com/stillwarm/stillwarm/localdev/runner"
)

// program is a function without dependencies: it speaks the Runtime API itself and answers with the text, or with a
// variable.
const program = `package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
)

func main() {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		r, err := http.Get(api + "next")
		if err != nil {
			return
		}
		event, _ := io.ReadAll(r.Body)
		if g := os.Getenv("GATE"); g != "" && bytes.Contains(event, []byte("gate")) {
			wait(g)
		}
		http.Post(api+r.Header.Get("Lambda-Runtime-Aws-Request-Id")+"/response", "", bytes.NewReader(answer()))
	}
}
`

const waiting = `package main

import (
	"io"
	"net"
)

func wait(address string) {
	c, _ := net.Dial("tcp", address)
	io.ReadAll(c)
}
`

func answerOf(text string) string {
	return "package main\n\nfunc answer() []byte { return []byte(`" + `"` + text + `"` + "`) }\n"
}

const answerEnv = "package main\n\nimport (\n\t\"os\"\n\t\"strconv\"\n)\n\nfunc answer() []byte { return []byte(strconv.Quote(os.Getenv(\"SETTING\") + \" \" + " +
	"os.Getenv(\"AWS_LAMBDA_FUNCTION_MEMORY_SIZE\") + \" \" + os.Getenv(\"_HANDLER\"))) }\n"

// project writes the function's folder.
func project(t *testing.T, answer string) string {
	t.Helper()
	t.Setenv("GOWORK", "off")
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "go.mod", "module fn\n\ngo 1.26\n")
	write(t, dir, "main.go", program)
	write(t, dir, "wait.go", waiting)
	write(t, dir, "answer.go", answer)
	return dir
}

// says returns the function's answer.
func says(t *testing.T, r *runner.Runner) string {
	t.Helper()
	response, err := r.Invoke(proctest.Context(t), []byte(`{}`))
	if err != nil {
		return err.Error()
	}
	return strings.Trim(string(response.Payload), `"`)
}

// settled returns what is known of the newest build once it serves, and the container that works, once no container of an
// earlier version is left: those end on their own time.
func settled(t *testing.T, r *runner.Runner) (build runner.BuildState, c runner.Status) {
	t.Helper()
	proctest.Eventually(t, "the containers of earlier versions to end", func() bool {
		build = r.Build()
		all := r.Containers()
		for _, c = range all {
			if c.Started.Before(build.Since) {
				return false
			}
		}
		return build.Status == runner.Built && len(all) > 0
	})
	return build, c
}

func TestEditAndSave(t *testing.T) {
	dir := project(t, answerOf("one"))
	var log buffer
	compared := make(chan [2]int, 10)
	r := start(t, runner.Options{
		Function: dir, Watch: true, ServeBuildErrors: true, Containers: 2, Log: &log,
		CompareKeys: func(_ context.Context, before, after runner.Version) ([]string, error) {
			for _, v := range []runner.Version{before, after} {
				if _, err := os.Stat(v.Binary); err != nil {
					t.Error(err)
				}
			}
			compared <- [2]int{before.Number, after.Number}
			return []string{"fetch stays warm"}, nil
		},
	})
	if got := says(t, r); got != "one" {
		t.Fatal(got)
	}
	becomes := func(t *testing.T, want string) {
		t.Helper()
		proctest.Eventually(t, "the answer "+want, func() bool { return says(t, r) == want })
	}
	t.Run("a change serves without a restart, and its effect on the keys is told", func(t *testing.T) {
		write(t, dir, "answer.go", answerOf("two"))
		becomes(t, "two")
		if got := <-compared; got != [2]int{1, 2} {
			t.Errorf("compared %v", got)
		}
		proctest.Eventually(t, "the effect on the keys", func() bool {
			b := r.Build()
			return b.Status == runner.Built && b.Serving == 2 && slices.Equal(b.Keys, []string{"fetch stays warm"})
		})
		if b := r.Build(); !slices.Equal(b.Changed, []string{"answer.go"}) {
			t.Errorf("%+v", b)
		}
		if !strings.Contains(log.String(), "changed: answer.go") || !strings.Contains(log.String(), "version 2 serves") {
			t.Error(log.String())
		}
	})
	t.Run("a build that fails is shown, and the last good version serves", func(t *testing.T) {
		write(t, dir, "answer.go", "package main\n\nfunc answer() []byte { return nonsense }\n")
		proctest.Eventually(t, "the compiler's error", func() bool { return r.Build().Status == runner.Failed })
		if b := r.Build(); !strings.Contains(b.Problem, "answer.go:3") || !strings.Contains(b.Problem, "undefined: nonsense") || b.Serving != 2 {
			t.Errorf("%+v", b)
		}
		if got := says(t, r); got != "two" {
			t.Error(got)
		}
		proctest.Eventually(t, "the terminal's word", func() bool { return strings.Contains(log.String(), "version 2 still serves") })
	})
	t.Run("mended, it serves", func(t *testing.T) {
		write(t, dir, "answer.go", answerOf("three"))
		becomes(t, "three")
	})
	t.Run("a new file and a removed one count", func(t *testing.T) {
		if err := os.Rename(filepath.Join(dir, "answer.go"), filepath.Join(dir, "renamed.go")); err != nil {
			t.Fatal(err)
		}
		write(t, dir, "renamed.go", answerOf("four"))
		becomes(t, "four")
	})
	t.Run("the same text again changes nothing", func(t *testing.T) {
		before, c := settled(t, r)
		write(t, dir, "renamed.go", answerOf("four"))
		proctest.Eventually(t, "a build", func() bool { b := r.Build(); return b.Since.After(before.Since) && b.Status == runner.Built })
		if b := r.Build(); b.Serving != before.Serving {
			t.Errorf("version %d, before %d", b.Serving, before.Serving)
		}
		if !proctest.Alive(c.PID) {
			t.Error("the container was replaced")
		}
	})
	t.Run("a broken go.mod is an error, and mended it is none", func(t *testing.T) {
		write(t, dir, "go.mod", "modul fn\n")
		proctest.Eventually(t, "the error", func() bool { return r.Build().Status == runner.Failed })
		write(t, dir, "go.mod", "module fn\n\ngo 1.26\n")
		write(t, dir, "renamed.go", answerOf("five"))
		becomes(t, "five")
	})
	t.Run("a folder that goes and comes back", func(t *testing.T) {
		aside := dir + "-aside"
		if err := os.Rename(dir, aside); err != nil {
			t.Fatal(err)
		}
		proctest.Eventually(t, "the error", func() bool { return r.Build().Status == runner.Failed })
		if err := os.Rename(aside, dir); err != nil {
			t.Fatal(err)
		}
		write(t, dir, "renamed.go", answerOf("six"))
		becomes(t, "six")
	})
}

func TestAChangeLetsRunningInvocationsEnd(t *testing.T) {
	dir := project(t, answerOf("one"))
	gate := proctest.NewGate(t)
	r := start(t, runner.Options{Function: dir, Watch: true, Containers: 2, Env: []string{"GATE=" + gate.Addr}})
	held := make(chan string, 1)
	go func() {
		response, err := r.Invoke(proctest.Context(t), []byte(`{"do":"gate"}`))
		held <- string(response.Payload) + errorText(err)
	}()
	pass := gate.Arrive(t)
	old := r.Containers()[0].PID
	write(t, dir, "answer.go", answerOf("two"))
	proctest.Eventually(t, "the new version", func() bool { return says(t, r) == "two" })
	if !proctest.Alive(old) {
		t.Fatal("the container was ended during its invocation")
	}
	pass()
	if got := <-held; got != `"one"` {
		t.Errorf("the invocation under way got %s", got)
	}
	proctest.WaitGone(t, old)
}

func TestAFirstBuildThatFails(t *testing.T) {
	dir := project(t, "package main\n")
	r := start(t, runner.Options{Function: dir, Watch: true, ServeBuildErrors: true})
	if got := says(t, r); !strings.Contains(got, "undefined: answer") {
		t.Error(got)
	}
	write(t, dir, "answer.go", answerOf("mended"))
	if got := says(t, r); got != "mended" { // the request itself tries again
		t.Error(got)
	}
}

func TestSurroundings(t *testing.T) {
	dir := project(t, answerEnv)
	t.Setenv("SETTING", "the shell's")
	t.Setenv("AWS_REGION", "eu-north-1")
	write(t, dir, "template.yaml", `
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Handler: from-template
      MemorySize: 256
      Environment:
        Variables:
          SETTING: template
          TABLE: !Ref Table
`)
	var log buffer
	o := runner.Options{Function: dir, Watch: true, Template: filepath.Join(dir, "template.yaml"), Log: &log}
	r := start(t, o)
	if got := says(t, r); got != "template 256 from-template" {
		t.Error(got)
	}
	if took := strings.Join(r.Surroundings(), "\n"); !strings.Contains(took, "256 MB, handler from-template, 1 variable (SETTING)") ||
		!strings.Contains(took, "TABLE (Ref Table); pass --env TABLE=VALUE") {
		t.Error(took)
	}
	t.Run("a change of the template starts containers anew without a build", func(t *testing.T) {
		write(t, dir, "template.yaml", "Resources: {Fn: {Type: AWS::Serverless::Function, Properties: {MemorySize: 512}}}\n")
		proctest.Eventually(t, "the new memory", func() bool { return says(t, r) == " 512 bootstrap" })
	})
	t.Run("a variable that the shell has and the function does not get is named, once", func(t *testing.T) {
		proctest.Eventually(t, "the name", func() bool { return strings.Contains(log.String(), "--env SETTING") })
		write(t, dir, "wait.go", waiting+"\n// changed\n")
		proctest.Eventually(t, "another build", func() bool {
			b := r.Build()
			return b.Status == runner.Built && slices.Equal(b.Changed, []string{"wait.go"})
		})
		if n := strings.Count(log.String(), "--env SETTING"); n != 1 {
			t.Errorf("%d times", n)
		}
	})
	t.Run("a template that cannot be read keeps what is", func(t *testing.T) {
		write(t, dir, "template.yaml", "Resources: [\n")
		proctest.Eventually(t, "the error", func() bool { return r.Build().Status == runner.Failed })
		if got := says(t, r); got != " 512 bootstrap" {
			t.Error(got)
		}
	})
	r.Close()
	t.Run("env file beats template, env beats both, options beat the template", func(t *testing.T) {
		write(t, dir, "template.yaml", "Resources: {Fn: {Type: AWS::Serverless::Function, Properties: {Timeout: 7, MemorySize: 512, Environment: {Variables: {SETTING: template}}}}}\n")
		write(t, dir, ".env", "SETTING=file\n")
		o := runner.Options{Function: dir, Template: filepath.Join(dir, "template.yaml"), EnvFile: filepath.Join(dir, ".env"), MemoryMB: 1024}
		r := start(t, o)
		if got := says(t, r); got != "file 1024 bootstrap" || r.Options().Timeout != 7*time.Second {
			t.Errorf("%s, timeout %s", got, r.Options().Timeout)
		}
		o.Env = []string{"SETTING=own"}
		if got := says(t, start(t, o)); got != "own 1024 bootstrap" {
			t.Error(got)
		}
	})
}
