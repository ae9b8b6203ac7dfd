package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stillwarm/stillwarm/cmd/stillwarm/internal/buildcmd"
	"github.com/stillwarm/stillwarm/cmd/stillwarm/internal/codeid"
	"github.com/stillwarm/stillwarm/localdev/runner"
)

func TestCompareKeysSaysWhatASaveDid(t *testing.T) {
	dir := t.TempDir()
	version := func(number int, digest string) runner.Version {
		t.Helper()
		v := runner.Version{Number: number, Binary: filepath.Join(dir, digest)}
		r := codeid.Record{
			Version: codeid.RecordVersion,
			Functions: []codeid.Function{
				{Name: "shop.load", Identity: digest, Roots: []string{"wrap shop.load"}}, {Name: "shop.sum", Identity: "same"},
			},
			Nodes: map[string]codeid.Node{
				"wrap shop.load": {Digest: "a", Mentions: []string{"shop.load"}}, "shop.load": {Digest: digest, Place: "main.go:7"},
			},
		}
		data, err := json.Marshal(r)
		if err == nil {
			err = os.WriteFile(v.Binary+buildcmd.RecordSuffix, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	lines, err := compareKeys(t.Context(), version(1, "one"), version(2, "two"))
	text := strings.Join(lines, "\n")
	if err != nil || !strings.Contains(text, "invalidated  shop.load: shop.load changed") || !strings.Contains(text, "main.go:7") ||
		!strings.Contains(text, "kept         shop.sum") {
		t.Errorf("%v\n%s", err, text)
	}
	t.Run("a function without cached functions has no record", func(t *testing.T) {
		if lines, err := compareKeys(t.Context(), runner.Version{Binary: "none"}, runner.Version{Binary: "none"}); lines != nil || err != nil {
			t.Errorf("%v %v", lines, err)
		}
	})
}
