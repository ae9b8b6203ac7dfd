package demo_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestFunctionOfDataLinksNoHTTP looks into a linked function: one that uses only cached data pays for nothing else, although
// package lambda knows HTTP and events.
func TestFunctionOfDataLinksNoHTTP(t *testing.T) {
	symbols := func(pkg string) string {
		t.Helper()
		bin := filepath.Join(t.TempDir(), "bootstrap")
		if out, err := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", bin, pkg).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		out, err := exec.Command("go", "tool", "nm", bin).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	unwanted := []string{"/stillwarm/httpcache", "aws-lambda-go/events.", "/lambda/internal/httpevent", "/lambda/internal/eventkind"}
	lean, full := symbols("../bench/functions/ours"), symbols("github.com/stillwarm/stillwarm/lambda/demo")
	if !strings.Contains(lean, "stillwarm/lambda.Start") {
		t.Fatal("the symbols of the function are not there")
	}
	for _, pkg := range unwanted {
		if strings.Contains(lean, pkg) {
			t.Errorf("links %s", pkg)
		}
	}
	if !strings.Contains(full, unwanted[0]) {
		t.Error("the demo has no HTTP cache: the test sees nothing")
	}
}
