package forge

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"gopkg.in/yaml.v3"
)

const root = "../.."

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func load(t *testing.T, path string) map[string]any {
	t.Helper()
	var v map[string]any
	decoder := yaml.NewDecoder(strings.NewReader(read(t, path)))
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return v
}

func workflows(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, ".github/workflows/*.yml"))
	if err != nil || len(found) < 3 {
		t.Fatalf("workflows %v, %v", found, err)
	}
	return found
}

func TestWorkflowsAreWellFormed(t *testing.T) {
	l, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	problems, err := l.LintFiles(workflows(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
	t.Run("and the linter finds what is wrong", func(t *testing.T) {
		broken := []byte(strings.Replace(read(t, ".github/workflows/ci.yml"), "${{ matrix.os }}", "${{ matrix.system }}", 1))
		if found, err := l.Lint("ci.yml", broken, nil); err != nil || len(found) == 0 {
			t.Errorf("nothing found, %v", err)
		}
	})
}

// A workflow may do what it needs, for as long as it needs, with actions of a known version.
func TestWorkflowsAreConfined(t *testing.T) {
	for _, file := range workflows(t) {
		name := filepath.Base(file)
		w := load(t, ".github/workflows/"+name)
		if p, ok := w["permissions"].(map[string]any); !ok || len(p) != 1 || p["contents"] != "read" {
			t.Errorf("%s: permissions %v", name, w["permissions"])
		}
		for id, j := range w["jobs"].(map[string]any) {
			job := j.(map[string]any)
			if job["timeout-minutes"] == nil {
				t.Errorf("%s: job %s has no timeout", name, id)
			}
			if p := job["permissions"]; p != nil && (name != "release.yml" || id != "publish") {
				t.Errorf("%s: job %s may %v", name, id, p)
			}
			for _, s := range job["steps"].([]any) {
				checkStep(t, name+": "+id, s.(map[string]any))
			}
		}
		if strings.Contains(read(t, ".github/workflows/"+name), "pull_request_target") {
			t.Errorf("%s runs strangers' code with the repository's rights", name)
		}
	}
}

func checkStep(t *testing.T, where string, step map[string]any) {
	t.Helper()
	uses, _ := step["uses"].(string)
	if uses != "" && !regexp.MustCompile(`^actions/[a-z-]+@v\d+$`).MatchString(uses) {
		t.Errorf("%s uses %s", where, uses)
	}
	if with, _ := step["with"].(map[string]any); strings.HasPrefix(uses, "actions/checkout@") && with["persist-credentials"] != false {
		t.Errorf("%s: the checkout leaves credentials behind", where)
	}
	// What a stranger may choose must not become part of a script.
	if run, _ := step["run"].(string); strings.Contains(run, "${{ github.event") || strings.Contains(run, "${{ github.head_ref") {
		t.Errorf("%s: a script with the event's text", where)
	}
}

// Every make target that the forge or a page for contributors names is there.
func TestMakeTargetsExist(t *testing.T) {
	var targets []string
	for _, m := range regexp.MustCompile(`(?m)^([a-zA-Z0-9_-]+):`).FindAllStringSubmatch(read(t, "Makefile"), -1) {
		targets = append(targets, m[1])
	}
	files := []string{"RELEASING.md", ".github/pull_request_template.md", ".github/workflows/ci.yml", ".github/workflows/nightly.yml",
		".github/workflows/release.yml"}
	named := regexp.MustCompile("(?m)(?:run: make |`make |^ *make |target: )([a-z0-9-]+)")
	n := 0
	for _, file := range files {
		for _, m := range named.FindAllStringSubmatch(read(t, file), -1) {
			n++
			if !slices.Contains(targets, m[1]) {
				t.Errorf("%s names make %s", file, m[1])
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d targets found", n)
	}
}

func TestDependabotKnowsEveryModule(t *testing.T) {
	var want []string
	for dir := range strings.FieldsSeq(regexp.MustCompile(`(?m)^MODULES := (.*)$`).FindStringSubmatch(read(t, "Makefile"))[1]) {
		want = append(want, strings.TrimPrefix("/"+strings.TrimPrefix(dir, "."), "//"))
	}
	want = append(want, "/tools")
	slices.Sort(want)
	var got []string
	for _, u := range load(t, ".github/dependabot.yml")["updates"].([]any) {
		update := u.(map[string]any)
		directories, _ := update["directories"].([]any)
		for _, d := range directories {
			got = append(got, d.(string))
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("directories %v, want %v", got, want)
	}
}

func TestIssueForms(t *testing.T) {
	forms, err := filepath.Glob(filepath.Join(root, ".github/ISSUE_TEMPLATE/*.yml"))
	if err != nil || len(forms) < 3 {
		t.Fatalf("forms %v, %v", forms, err)
	}
	known := []string{"textarea", "input", "dropdown", "checkboxes", "markdown"}
	for _, file := range forms {
		name := filepath.Base(file)
		form := load(t, ".github/ISSUE_TEMPLATE/"+name)
		if name == "config.yml" {
			continue
		}
		if form["name"] == nil || form["description"] == nil {
			t.Errorf("%s has no name or description", name)
		}
		ids := map[any]bool{}
		for _, f := range form["body"].([]any) {
			field := f.(map[string]any)
			attributes, _ := field["attributes"].(map[string]any)
			if !slices.Contains(known, field["type"].(string)) || attributes["label"] == nil || ids[field["id"]] {
				t.Errorf("%s: field %v", name, field)
			}
			ids[field["id"]] = true
			if field["type"] == "dropdown" && attributes["options"] == nil {
				t.Errorf("%s: %v has no options", name, field["id"])
			}
		}
	}
}

// Links and anchors of the pages beside the README lead somewhere.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]*)(#[^)]*)?\)`)
	for _, page := range []string{"SECURITY.md", "RELEASING.md"} {
		for _, m := range link.FindAllStringSubmatch(read(t, page), -1) {
			target := []byte(read(t, page))
			if m[1] != "" {
				target = []byte(read(t, m[1]))
			}
			if m[2] != "" && !bytes.Contains(anchors(target), []byte(m[2]+"\n")) {
				t.Errorf("%s: %s has no %s", page, m[1], m[2])
			}
		}
	}
}

func anchors(page []byte) []byte {
	var all []byte
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllSubmatch(page, -1) {
		a := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(string(m[1])), "")
		all = append(all, "#"+strings.ReplaceAll(a, " ", "-")+"\n"...)
	}
	return all
}
