package localdev

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stillwarm/stillwarm/localdev/runner"
)

// plain is a function that knows nothing of Stillwarm.
const plain = `package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func(_ context.Context, r events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		if r.RawPath == "/exit" {
			os.Exit(3)
		}
		return events.APIGatewayV2HTTPResponse{StatusCode: 201, Body: "plain " + r.RawPath}, nil
	})
}
`

// A function of AWS's library runs as it is, with an older version of that and with the one that this project uses.
func TestFunctionsOfTheLambdaLibrary(t *testing.T) {
	t.Setenv("GOWORK", "off")
	t.Setenv("GOFLAGS", "")
	for version, sums := range map[string][2]string{
		"v1.50.0": {"0GzY18vT4EsCvIyk3kn3ZH5Jg30NRlgYaai1w0aGPMU=", "dpMpZgvWx5vuQJfBt0zqBha60q7Dd7RfgJv23DymV8A="},
		"v1.55.1": {"We2cCp4BwqqH/JW+bEEo1FhgG71rslvjfi4y7KmlrR0=", "V+NzkHNR6vBC8C1PDloqSLE+7jYWFiPvJJFiCiTm8nE="},
	} {
		t.Run(version, func(t *testing.T) {
			const library = "github.com/aws/aws-lambda-go "
			dir := t.TempDir()
			for name, text := range map[string]string{
				"go.mod":  "module example.com/plain\n\ngo 1.26\n\nrequire " + library + version + "\n",
				"go.sum":  library + version + " h1:" + sums[0] + "\n" + library + version + "/go.mod h1:" + sums[1] + "\n",
				"main.go": plain,
			} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			r, err := runner.Start(t.Context(), runner.Options{Function: dir, Containers: 1})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(r.Close)
			for _, c := range []struct {
				path, body string
				status     int
			}{
				{"/first", "plain /first", http.StatusCreated}, {"/exit", "", http.StatusBadGateway}, {"/again", "plain /again", http.StatusCreated},
			} {
				response, err := http.Get(r.URL() + c.path)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(response.Body)
				_ = response.Body.Close()
				if err != nil || response.StatusCode != c.status || c.body != "" && string(body) != c.body {
					t.Errorf("%s: %d %q, %v", c.path, response.StatusCode, body, err)
				}
			}
		})
	}
}
