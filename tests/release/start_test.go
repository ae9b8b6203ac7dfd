package release_test

import (
	"debug/elf"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A step of a page is a block of code: a file, where the paragraph above it names one, or commands.
type step struct{ lang, code, file string }

var (
	stepBlock = regexp.MustCompile("(?ms)(?:^((?:[^\n]+\n)+)\n)?^```(\\w+)\n(.*?)^```$")
	namedFile = regexp.MustCompile("Write\\s+`([\\w.]+)`")
)

func stepsOf(t *testing.T, page string) []step {
	t.Helper()
	src, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var steps []step
	for _, m := range stepBlock.FindAllStringSubmatch(string(src), -1) {
		s := step{lang: m[2], code: m[3]}
		if f := namedFile.FindAllStringSubmatch(m[1], -1); f != nil && s.lang != "sh" {
			s.file = f[len(f)-1][1]
		}
		steps = append(steps, s)
	}
	return steps
}

// followStart does what docs/start.md says, from an empty folder, up to what needs an account of AWS. SAM is not here: what
// it runs to build is run in its place.
func (u *user) followStart(t *testing.T) {
	dir := t.TempDir()
	var url string
	seconds := regexp.MustCompile(`ttl=\d+`)
	done := map[string]bool{}
	for _, s := range stepsOf(t, "../../docs/start.md") {
		switch {
		case s.file != "":
			write(t, dir, map[string]string{s.file: s.code})
			done[s.file] = true
		case s.lang == "console":
			shown := seconds.ReplaceAllString(s.code, "ttl=N")
			for command := range strings.Lines(shown) {
				asked, ok := strings.CutPrefix(command, "$ curl -si 'http://127.0.0.1:8787/")
				if !ok {
					continue
				}
				query, _, _ := strings.Cut(asked, "'")
				status, body, _ := strings.Cut(seconds.ReplaceAllString(fetch(t, url+query), "ttl=N"), "\" ")
				want, rest, _ := strings.Cut(shown[strings.Index(shown, command)+len(command):], "\n")
				shown = rest
				if want != "Cache-Status: "+status+"\"" || !strings.HasPrefix(rest, strings.TrimSpace(body)+"\n") {
					t.Errorf("%sprinted %s\" %s and not %s", command, status, body, want)
				}
				done["curl"] = true
			}
		case s.lang == "sh":
			for line := range strings.Lines(s.code) {
				switch line = strings.TrimSpace(line); {
				case strings.HasPrefix(line, "mkdir hello"): // the folder is made already
				case line == "stillwarm dev":
					url = u.serve(t, dir, "stillwarm", "dev", "--addr", "127.0.0.1:0", "--no-watch", "--containers", "1")
				case line == "sam build":
					u.buildAsSAM(t, dir)
					done[line] = true
				case strings.HasPrefix(line, "go "):
					u.run(t, dir, "sh", "-c", line)
					done[line] = true
				default:
					needsAccount(t, line)
				}
			}
		}
	}
	for _, what := range []string{"main.go", "main_test.go", "template.yaml", "Makefile", "curl", "go test ./...", "sam build"} {
		if !done[what] {
			t.Errorf("the page has no step for %s any more", what)
		}
	}
}

// needsAccount fails for a command that could be run here and is not.
func needsAccount(t *testing.T, line string) {
	t.Helper()
	if !regexp.MustCompile(`^(sam (deploy|delete)|aws |[A-Z]+=\$\(aws |curl -si "\$URL)`).MatchString(line) {
		t.Errorf("nobody runs %q", line)
	}
	t.Logf("not run, it needs an account: %s", line)
}

// buildAsSAM runs the build of each function of the template, and looks at what it makes.
func (u *user) buildAsSAM(t *testing.T, dir string) {
	t.Helper()
	template, err := os.ReadFile(filepath.Join(dir, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	functions := regexp.MustCompile(`(?m)^  (\w+):\n    Type: AWS::Serverless::Function`).FindAllStringSubmatch(string(template), -1)
	if len(functions) == 0 {
		t.Fatal("the template has no function")
	}
	for _, f := range functions {
		out := t.TempDir()
		u.run(t, dir, "make", "build-"+f[1], "ARTIFACTS_DIR="+out)
		built, err := elf.Open(filepath.Join(out, "bootstrap"))
		if err != nil {
			t.Fatal(err)
		}
		if built.Machine != elf.EM_AARCH64 {
			t.Errorf("it was built for %v", built.Machine)
		}
		_ = built.Close()
	}
}
