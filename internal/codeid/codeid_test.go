package codeid

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	identities := map[string][idSize]byte{}
	for i := range 100 {
		identities[fmt.Sprintf("example.com/shop.Function%d", i)] = [idSize]byte{byte(i), 1}
	}
	records, err := decode(Encode(identities))
	if err != nil {
		t.Fatal(err)
	}
	t.Run("K2 every function has its own identity", func(t *testing.T) {
		for name, want := range identities {
			if got, ok := find(records, name); !ok || got != want {
				t.Errorf("%s: %x, %v", name, got, ok)
			}
		}
	})
	t.Run("K2 a function that is not in the table has none", func(t *testing.T) {
		for _, name := range []string{"", "example.com/shop.Function", "example.com/shop.Function100"} {
			if id, ok := find(records, name); ok {
				t.Errorf("%q: %x", name, id)
			}
		}
	})
	t.Run("an empty table has no function", func(t *testing.T) {
		for _, text := range []string{"", Encode(nil)} {
			records, err := decode(text)
			if _, ok := find(records, "f"); ok || err != nil {
				t.Errorf("%q: %v, %v", text, ok, err)
			}
		}
	})
	t.Run("the text does not depend on the order of the map", func(t *testing.T) {
		first := Encode(identities)
		for range 10 {
			if again := Encode(identities); again != first {
				t.Fatal("two texts")
			}
		}
	})
	t.Run("an unknown form is refused", func(t *testing.T) {
		for _, text := range []string{"2:", "x", "1:!", "1:AAAA"} {
			if _, err := decode(text); err == nil {
				t.Errorf("%q was accepted", text)
			}
		}
	})
}

func TestThisProgramHasNoTable(t *testing.T) {
	if _, ok := Of("anything"); ok {
		t.Error("a program that go build made has an identity")
	}
}

// TestLinked has the linker set the variable, as stillwarm build does.
func TestLinked(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	const source = `package main

import "github.com/stillwarm/stillwarm/internal/codeid"

func main() {
	id, ok := codeid.Of("f")
	println(ok, id[0], id[15])
}
`
	// The package is internal, so its user must be in the module: an overlay puts it there for the go command only.
	dir := t.TempDir()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "main.go")
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(here, "linked", "main.go"): file}})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{file: []byte(source), filepath.Join(dir, "overlay.json"): overlay} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := Encode(map[string][idSize]byte{"f": {0: 7, 15: 9}})
	out, err := exec.CommandContext(t.Context(), "go", "run", "-overlay", filepath.Join(dir, "overlay.json"),
		"-ldflags=-X "+Variable+"="+text, "./linked").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "true 7 9") {
		t.Errorf("%s %v", out, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("1:")
	f.Add(Encode(map[string][idSize]byte{"f": {1}}))
	f.Fuzz(func(t *testing.T, text string) {
		if records, err := decode(text); err == nil {
			find(records, "f")
		}
	})
}
