package buildcmd

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, args string
		want       Arguments
		list       string
		ldflags    string
		values     string
		facts      string
	}{
		{"nothing", "", Arguments{}, "", "", "", ""},
		{"a package", "./shop", Arguments{Package: []string{"./shop"}}, "", "", "", ""},
		{"values apart and attached", "-o out -tags=a,b -tags c --p 4 ./shop", Arguments{Output: "out", Package: []string{"./shop"}},
			"-tags=a,b -tags=c", "", "", "flag -tags=a,b\x00c"},
		{"what only the build needs", "-v -x -a -trimpath -buildvcs=false .", Arguments{Verbose: true, Package: []string{"."}}, "-trimpath", "", "", ""},
		{"what decides code", "-race -gcflags=all=-N -mod=vendor .", Arguments{Package: []string{"."}},
			"-race -gcflags=all=-N -mod=vendor", "", "", "flag -race= flag -gcflags=all=-N"},
		{"symbols are left out", "-ldflags=-s|-w .", Arguments{Package: []string{"."}}, "", "-s -w", "", ""},
		{"values of the user's", "-ldflags=-X|main.v=1|-X=main.w='a'|-linkmode=internal .", Arguments{Package: []string{"."}}, "",
			"-X main.v=1 -X=main.w='a' -linkmode=internal", "main.v=1 main.w='a'", "flag -ldflags=-linkmode=internal"},
		{"the last linker's flags hold", "-ldflags=-s -ldflags=-w .", Arguments{Package: []string{"."}}, "", "-w", "", ""},
		{"a pattern that fits", "-ldflags=example.com/...=-s .", Arguments{Package: []string{"."}}, "", "-s", "", ""},
		{"a pattern that does not", "-ldflags=-w -ldflags=other.com/...=-s .", Arguments{Package: []string{"."}}, "", "-w", "", ""},
		{"all", "-ldflags=all=-s .", Arguments{Package: []string{"."}}, "", "-s", "", ""},
		{"-C and the end of flags", "-C dir -table t.json -- -odd", Arguments{Dir: "dir", Table: "t.json", Package: []string{"-odd"}}, "", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := strings.Fields(c.args)
			for i := range args {
				args[i] = strings.ReplaceAll(args[i], "|", " ")
			}
			a, err := Parse(args)
			if err != nil {
				t.Fatal(err)
			}
			if err := a.resolve("example.com/shop"); err != nil {
				t.Fatal(err)
			}
			got := Arguments{Dir: a.Dir, Output: a.Output, Package: a.Package, Verbose: a.Verbose, Table: a.Table}
			if len(got.Package) == 0 {
				got.Package = nil
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("%+v, want %+v", got, c.want)
			}
			var values, facts []string
			for name, v := range a.values() {
				values = append(values, name+"="+v)
			}
			slices.Sort(values)
			for _, f := range a.facts() {
				facts = append(facts, f.Name+"="+f.Value)
			}
			for what, pair := range map[string][2]string{
				"go list": {strings.Join(a.listFlags(), " "), c.list}, "linker": {strings.Join(a.ldflags, " "), c.ldflags},
				"values": {strings.Join(values, " "), c.values}, "facts": {strings.Join(facts, " "), c.facts},
			} {
				if pair[0] != pair[1] {
					t.Errorf("%s: %q, want %q", what, pair[0], pair[1])
				}
			}
		})
	}
}

func TestFallbackFlags(t *testing.T) {
	for args, want := range map[string]string{
		"-overlay=o.json .": "-overlay", "-toolexec tool .": "-toolexec", "-buildmode=c-shared .": "-buildmode", "-compiler=gccgo .": "-compiler",
		"-cover .": "-cover", "-buildmode=pie .": "", "-cover=false .": "",
	} {
		a, err := Parse(strings.Fields(args))
		if err != nil {
			t.Fatal(err)
		}
		if err := a.resolve(""); err != nil || (a.fallback == "") != (want == "") || !strings.Contains(a.fallback, want) {
			t.Errorf("%s: %q, %v", args, a.fallback, err)
		}
	}
}

func TestWrongFlags(t *testing.T) {
	for args, want := range map[string]string{
		"-trimpaht .": "no flag -trimpaht", "-tag x .": "did you mean -tags", "-o": "needs a value",
	} {
		if _, err := Parse(strings.Fields(args)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", args, err)
		}
	}
	for _, flags := range []string{"-X 'main.v=1", "pattern"} {
		a, err := Parse([]string{"-ldflags=" + flags, "."})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.resolve("x"); err == nil {
			t.Errorf("%s was accepted", flags)
		}
	}
}

func TestGOFLAGS(t *testing.T) {
	a, err := Parse(strings.Fields("-tags own ."))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.environment(`-tags=env '-ldflags=-X main.v=1 -s' -unknown=1 -mod=mod`); err != nil {
		t.Fatal(err)
	}
	if err := a.resolve(""); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(a.listFlags(), " "); got != "-tags=env -mod=mod -tags=own" {
		t.Error(got)
	}
	if a.values()["main.v"] != "1" {
		t.Error(a.values())
	}
}

func FuzzQuoting(f *testing.F) {
	f.Add("-X main.v='a b' \"c d\" -s")
	f.Fuzz(func(t *testing.T, text string) {
		fields, err := splitQuoted(text)
		if err != nil {
			return
		}
		joined, err := joinFlags(fields)
		if err != nil {
			return
		}
		again, err := splitQuoted(joined)
		if err != nil || !slices.Equal(fields, again) {
			t.Errorf("%q -> %q -> %q, %v", fields, joined, again, err)
		}
	})
}

func TestExecutableName(t *testing.T) {
	for path, want := range map[string]string{
		"example.com/shop": "shop", "example.com/shop/v2": "shop", "v2": "v2", "example.com/shop/v1": "v1", "shop": "shop", "a/vx": "vx",
	} {
		if got := executableName(path); got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
}
