package buildid

import (
	"slices"
	"testing"
)

func TestEnvironmentIdentity(t *testing.T) {
	own := []string{"TABLE=orders", "DATABASE_URL=postgres://db/prod", "EMPTY="}
	base := environmentIdentity(own)
	for _, tt := range []struct {
		name    string
		environ []string
		same    bool
	}{
		{"in another order", []string{"EMPTY=", "TABLE=orders", "DATABASE_URL=postgres://db/prod"}, true},
		{"another database", []string{"TABLE=orders", "DATABASE_URL=postgres://db/test", "EMPTY="}, false},
		{"one more", append(slices.Clone(own), "FEATURE=on"), false},
		{"one less", own[:2], false},
		{"values that moved into names", []string{"TABLE=ordersDATABASE_URL=postgres://db/prod", "EMPTY="}, false},
		{"another endpoint of a service", append(slices.Clone(own), "AWS_ENDPOINT_URL_DYNAMODB=http://other"), false},
		{"another time zone", append(slices.Clone(own), "TZ=Europe/Berlin"), false},
		{"Lambda's, AWS's and ours", append(slices.Clone(own), "AWS_LAMBDA_LOG_STREAM_NAME=2026/[1]x", "AWS_SESSION_TOKEN=t",
			"AWS_REGION=eu-central-1", "_X_AMZN_TRACE_ID=Root=1", "LAMBDA_TASK_ROOT=/var/task", "_HANDLER=bootstrap", "TZ=:UTC",
			"LANG=en_US.UTF-8", "PATH=/usr/bin", "STILLWARM_BACKEND=redis://x", "STILLWARM_MODE=deployed", "HOME=/home/sbx_user1051"), true},
	} {
		t.Run("K2 "+tt.name, func(t *testing.T) {
			if got := environmentIdentity(tt.environ) == base; got != tt.same {
				t.Fatalf("the same identity: %v, want %v", got, tt.same)
			}
		})
	}
	t.Run("K2 outside of Lambda there is none", func(t *testing.T) {
		t.Setenv("AWS_LAMBDA_FUNCTION_NAME", "")
		if got := EnvironmentIdentity(); got != "" {
			t.Fatal(got)
		}
		t.Setenv("AWS_LAMBDA_FUNCTION_NAME", "f")
		t.Setenv("DATABASE_URL", "a")
		a := EnvironmentIdentity()
		t.Setenv("DATABASE_URL", "b")
		if b := EnvironmentIdentity(); a == "" || a == b {
			t.Fatal(a, b)
		}
	})
}
