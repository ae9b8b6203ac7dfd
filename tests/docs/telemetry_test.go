package docs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const telemetryImports = `package main

import (
	"context"
	"log"
	"log/slog"
	"os"

	"github.com/stillwarm/stillwarm/adapter"
	%s
)

var quotes = adapter.CacheData(func(ctx context.Context, symbol string) (string, error) { return symbol, nil }, adapter.Name("quotes"))

func main() {
	_, _, _ = slog.Default(), os.Stdout, quotes
`

// The examples of the page on telemetry compile, each as a program of its own.
func TestTelemetryPage(t *testing.T) {
	blocks := goBlocks(read(t, "docs/telemetry.md"))
	if len(blocks) < 3 {
		t.Fatalf("%d blocks", len(blocks))
	}
	program := func(imports, code string) string {
		return strings.Replace(telemetryImports, "%s", imports, 1) + code + "}\n"
	}
	t.Run("an observer", func(t *testing.T) {
		build(t, module(t, map[string]string{"main.go": program("", blocks[0])}))
	})
	t.Run("emf", func(t *testing.T) {
		build(t, module(t, map[string]string{"main.go": program(`"github.com/stillwarm/stillwarm/telemetry/emf"`, blocks[1])}))
	})
	t.Run("otel", func(t *testing.T) {
		code := `	var tracerProvider trace.TracerProvider
	var meterProvider metric.MeterProvider
` + blocks[2]
		dir := module(t, map[string]string{"main.go": program(`"github.com/stillwarm/stillwarm/telemetry/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"`, code)})
		useOtelModule(t, dir)
		build(t, dir)
	})
}

// useOtelModule makes the user's module one that requires telemetry/otel, from this checkout.
func useOtelModule(t *testing.T, dir string) {
	t.Helper()
	const otel = "github.com/stillwarm/stillwarm/telemetry/otel"
	checkout, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	mod := strings.NewReplacer("module "+otel, "module example.com/user", "=> ../../", "=> "+checkout).Replace(read(t, "telemetry/otel/go.mod"))
	mod += "\nrequire " + otel + " v0.0.0\n\nreplace " + otel + " => " + checkout + "/telemetry/otel\n"
	for name, content := range map[string]string{"go.mod": mod, "go.sum": read(t, "telemetry/otel/go.sum")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
