package host_test

import (
	"testing"

	"github.com/stillwarm/stillwarm/internal/host"
)

func TestFreezes(t *testing.T) {
	for _, tt := range []struct {
		name                            string
		function, init, concurrency     string
		inLambda, oneAtATime, wantFroze bool
	}{
		{"a service or a laptop", "", "", "", false, true, false},
		{"Lambda", "f", "on-demand", "", true, true, true},
		{"Lambda, provisioned", "f", "provisioned-concurrency", "1", true, true, true},
		{"Managed Instances", "f", "lambda-managed-instances", "", true, false, false},
		{"several invocations at once", "f", "on-demand", "8", true, false, false},
		{"a concurrency that is no number", "f", "", "many", true, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("AWS_LAMBDA_FUNCTION_NAME", tt.function)
			t.Setenv("AWS_LAMBDA_INITIALIZATION_TYPE", tt.init)
			t.Setenv("AWS_LAMBDA_MAX_CONCURRENCY", tt.concurrency)
			if host.InLambda() != tt.inLambda || host.OneAtATime() != tt.oneAtATime || host.Freezes() != tt.wantFroze {
				t.Fatal(host.InLambda(), host.OneAtATime(), host.Freezes())
			}
		})
	}
}
