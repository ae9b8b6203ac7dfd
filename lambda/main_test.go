package lambda_test

import (
	"cmp"
	"fmt"
	"os"
	"testing"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/stillwarm/stillwarm/lambda"
	"github.com/stillwarm/stillwarm/lambda/internal/runtimeapitest"
)

// A test that needs a function runs this binary again with these variables: which function, and which package starts it.
const (
	envFunction = "TEST_FUNCTION"
	envStarter  = "TEST_STARTER"

	plain = "aws-lambda-go"
	ours  = "stillwarm"
)

// function is a handler with its options, for either package to start.
type function struct {
	handler any
	plain   any // aws-lambda-go's own, where it is another
	options func() []lambda.Option
	start   func() // instead of handler and options: stillwarm only
}

func TestMain(m *testing.M) {
	name := os.Getenv(envFunction)
	if name == "" {
		os.Exit(m.Run())
	}
	f, ok := functions()[name]
	if !ok {
		fmt.Fprintln(os.Stderr, "no such function:", name)
		os.Exit(2)
	}
	var options []lambda.Option
	if f.options != nil {
		options = f.options()
	}
	switch {
	case f.start != nil:
		f.start()
	case os.Getenv(envStarter) == plain:
		awslambda.StartWithOptions(cmp.Or(f.plain, f.handler), options...)
	default:
		lambda.Start(f.handler, options...)
	}
}

// functions returns every function that a test may run, by name.
func functions() map[string]function {
	all := map[string]function{}
	for _, part := range []map[string]function{signatures(), responses(), afterFunctions(), cacheFunctions(), shutdownFunctions(), httpFunctions()} {
		for name, f := range part {
			if _, twice := all[name]; twice {
				panic("two functions named " + name)
			}
			all[name] = f
		}
	}
	return all
}

// run runs a function behind a Runtime API of its own.
func run(t *testing.T, name string, env ...string) (*runtimeapitest.Server, *runtimeapitest.Process) {
	t.Helper()
	s, err := runtimeapitest.NewServer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, runtimeapitest.Run(t, s, append(env, envFunction+"="+name)...)
}

// answer waits for the invocation's answer.
func answer(t *testing.T, inv *runtimeapitest.Invocation) runtimeapitest.Answer {
	t.Helper()
	runtimeapitest.Wait(t, "the answer", inv.Answered())
	return inv.Answer()
}
