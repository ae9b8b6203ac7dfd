package release_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/dirhash"

	"github.com/stillwarm/stillwarm/tests/release"
)

// toyPath is a module path that go finds by its static rule for this host, without asking it.
const toyPath = "github.com/stillwarm/toy"

// toy is a repository of two released modules and one that is not.
func toy(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"LICENSE":               "Apache License 2.0\n",
		".gitignore":            "/bin/\n",
		"go.mod":                "module " + toyPath + "\n\ngo 1.26.0\n",
		"go.work":               "go 1.26.0\n\nuse (\n\t.\n\t./cmd/tool\n\t./tests\n)\n",
		"toy.go":                "// Package toy is one.\npackage toy\n\n// F is exported.\nfunc F() int { return 1 }\n",
		"internal/deep/deep.go": "// Package deep is the root's own.\npackage deep\n\n// G is for the root.\nfunc G() int { return 2 }\n",
		"cmd/tool/go.mod": "module " + toyPath + "/cmd/tool\n\ngo 1.26.0\n\nrequire " + toyPath + " v0.0.0\n\nreplace " +
			toyPath + " => ../../\n",
		"cmd/tool/main.go": "// Command tool prints.\npackage main\n\nimport \"" + toyPath + "\"\n\nfunc main() { println(toy.F()) }\n",
		"tests/go.mod":     "module " + toyPath + "/tests\n\ngo 1.26.0\n",
		"tests/tests.go":   "// Package tests is not released.\npackage tests\n",
	})
	git(t, dir, "init", "--quiet", "--initial-branch=main")
	git(t, dir, "config", "user.name", "Test")
	git(t, dir, "config", "user.email", "test@example.com")
	commit(t, dir)
	return dir
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func commit(t *testing.T, dir string) {
	t.Helper()
	git(t, dir, "add", "--all")
	git(t, dir, "commit", "--quiet", "--allow-empty", "--message", "change")
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	return output(t, dir, nil, "git", args...)
}

func output(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// refused asserts that a release is refused with a message that has every part, and that nothing was made.
func refused(t *testing.T, o release.Options, parts ...string) {
	t.Helper()
	before := git(t, o.Repo, "tag", "--list")
	_, err := release.Run(t.Context(), o)
	if err == nil {
		t.Fatal("the release was made")
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error lacks %q: %v", part, err)
		}
	}
	if after := git(t, o.Repo, "tag", "--list"); after != before {
		t.Errorf("tags were made: %s", after)
	}
}

func TestVersionsThatAreNone(t *testing.T) {
	repo := toy(t)
	for version, want := range map[string]string{
		"":             "VERSION=v0.9.0",
		"0.9.0":        "form v0.9.0",
		"v0.9":         "form v0.9.0",
		"v1.0.0+build": "form v0.9.0",
		"latest":       "form v0.9.0",
		"v0.0.0":       "require of each other",
		"v2.0.0":       "/v2",
		"v0.0.0-20260101000000-0123456789abcdef"[:34]: "commits without a tag",
		"v1.0.0/../../x": "form v0.9.0",
	} {
		t.Run(version, func(t *testing.T) {
			refused(t, release.Options{Repo: repo, Version: version, Proxy: t.TempDir()}, want)
		})
	}
}

func TestCheckoutsThatCannotBeReleased(t *testing.T) {
	t.Run("a changed file", func(t *testing.T) {
		repo := toy(t)
		write(t, repo, map[string]string{"toy.go": "package toy\n"})
		refused(t, release.Options{Repo: repo, Version: "v0.1.0", Proxy: t.TempDir()}, "not committed", "toy.go")
	})
	t.Run("a file that git does not know", func(t *testing.T) {
		repo := toy(t)
		write(t, repo, map[string]string{"new.go": "package toy\n"})
		refused(t, release.Options{Repo: repo, Version: "v0.1.0", Proxy: t.TempDir()}, "not committed", "new.go")
	})
	t.Run("an ignored file does not matter", func(t *testing.T) {
		repo := toy(t)
		write(t, repo, map[string]string{"bin/tool": "binary"})
		if _, err := release.Run(t.Context(), release.Options{Repo: repo, Version: "v0.1.0", Proxy: t.TempDir()}); err != nil {
			t.Error(err)
		}
	})
	t.Run("a shallow clone", func(t *testing.T) {
		repo := toy(t)
		commit(t, repo)
		clone := t.TempDir()
		git(t, clone, "clone", "--quiet", "--depth=1", "file://"+repo, ".")
		refused(t, release.Options{Repo: clone, Version: "v0.1.0"}, "shallow", "--unshallow --tags")
	})
	t.Run("no repository", func(t *testing.T) {
		_, err := release.Run(t.Context(), release.Options{Repo: t.TempDir(), Version: "v0.1.0", Proxy: t.TempDir()})
		if err == nil || !strings.Contains(err.Error(), "not a git repository") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a context that ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := release.Run(ctx, release.Options{Repo: toy(t), Version: "v0.1.0"}); err == nil {
			t.Error("the release was made")
		}
	})
}

func TestModulesThatCannotBeReleased(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"internal packages of another module": {
			map[string]string{
				"cmd/tool/main_test.go": "package main\n\nimport _ \"" + toyPath + "/internal/deep\"\n",
				"cmd/tool/lib/lib.go":   "// Package lib can be imported.\npackage lib\n",
			},
			[]string{"cmd/tool", toyPath + "/internal/deep"},
		},
		"a module that is not released": {
			map[string]string{
				"cmd/tool/go.mod": "module " + toyPath + "/cmd/tool\n\ngo 1.26.0\n\nrequire (\n\t" + toyPath + " v0.0.0\n\t" + toyPath +
					"/tests v0.0.0\n)\n\nreplace (\n\t" + toyPath + " => ../../\n\t" + toyPath + "/tests => ../../tests\n)\n",
			}, []string{toyPath + "/tests", "not released"},
		},
		"a path that is not the folder's": {
			map[string]string{"cmd/tool/go.mod": "module example.com/tool\n\ngo 1.26.0\n"},
			[]string{"example.com/tool", toyPath + "/cmd/tool"},
		},
		"code that does not compile": {
			map[string]string{"cmd/tool/more.go": "package main\n\nvar x int = \"\"\n"}, []string{"more.go"},
		},
		"a replacement by somebody else's module": {
			map[string]string{"cmd/tool/go.mod": "module " + toyPath + "/cmd/tool\n\ngo 1.26.0\n\nrequire " + toyPath +
				" v0.0.0\n\nreplace (\n\t" + toyPath + " => ../../\n\texample.com/x => ./x\n)\n"},
			[]string{"example.com/x"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			repo := toy(t)
			write(t, repo, c.files)
			commit(t, repo)
			refused(t, release.Options{Repo: repo, Version: "v0.1.0"}, c.want...)
		})
	}
}

// Nobody can require a module of commands, so what it imports is of the version that it was released with.
func TestACommandMayImportInternalPackages(t *testing.T) {
	repo := toy(t)
	write(t, repo, map[string]string{
		"cmd/tool/main.go":         "// Command tool prints.\npackage main\n\nimport \"" + toyPath + "/internal/deep\"\n\nfunc main() { println(deep.G()) }\n",
		"cmd/tool/internal/x/x.go": "// Package x is the command's.\npackage x\n",
	})
	commit(t, repo)
	if _, err := release.Run(t.Context(), release.Options{Repo: repo, Version: "v0.1.0", Proxy: t.TempDir()}); err != nil {
		t.Error(err)
	}
}

func TestProxyFolder(t *testing.T) {
	repo, proxy := toy(t), t.TempDir()
	before := git(t, repo, "rev-parse", "HEAD") + git(t, repo, "for-each-ref")
	result, err := release.Run(t.Context(), release.Options{Repo: filepath.Join(repo, "cmd"), Version: "v0.1.0", Proxy: proxy})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Modules) != 2 || result.Modules[0].Path != toyPath || result.Modules[1].Path != toyPath+"/cmd/tool" {
		t.Errorf("modules %v", result.Modules)
	}
	if after := git(t, repo, "rev-parse", "HEAD") + git(t, repo, "for-each-ref"); after != before || result.Commit != "" {
		t.Errorf("the repository was changed: %s", after)
	}
	t.Run("the command is installed from it", func(t *testing.T) {
		bin := t.TempDir()
		output(t, t.TempDir(), append(useProxy(t, proxy), "GOBIN="+bin), "go", "install", toyPath+"/cmd/tool@v0.1.0")
		if got := output(t, bin, nil, filepath.Join(bin, "tool")); got != "1" {
			t.Errorf("it prints %q", got)
		}
	})
	t.Run("what a proxy serves never changes", func(t *testing.T) {
		refused(t, release.Options{Repo: repo, Version: "v0.1.0", Proxy: proxy}, "never changes")
	})
	t.Run("a second version is listed beside the first", func(t *testing.T) {
		if _, err := release.Run(t.Context(), release.Options{Repo: repo, Version: "v0.2.0", Proxy: proxy}); err != nil {
			t.Fatal(err)
		}
		if list := output(t, t.TempDir(), useProxy(t, proxy), "go", "list", "-m", "-versions", toyPath); list != toyPath+" v0.1.0 v0.2.0" {
			t.Errorf("list %q", list)
		}
	})
}

// useProxy is the environment of somebody who has the proxy folder and empty caches of modules.
func useProxy(t *testing.T, proxy string) []string {
	t.Helper()
	cache := t.TempDir()
	t.Cleanup(func() { // read-only otherwise
		cmd := exec.Command("go", "clean", "-modcache")
		cmd.Env = append(os.Environ(), "GOMODCACHE="+cache, "GOFLAGS=")
		_ = cmd.Run()
	})
	return []string{"GOWORK=off", "GOFLAGS=-mod=mod", "GOPROXY=file://" + proxy, "GONOSUMDB=*", "GOPRIVATE=", "GOMODCACHE=" + cache}
}

// The hash that go computes from the tags must be the one in the proxy folder and in the go.sum files that were made of it.
func TestTags(t *testing.T) {
	repo := toy(t)
	write(t, repo, map[string]string{"toy.go": "// Package toy is one.\npackage toy\n\n// F is exported.\nfunc F() int { return 3 }\n"})
	commit(t, repo)
	head, status := git(t, repo, "rev-parse", "HEAD"), git(t, repo, "status", "--porcelain=v2", "--branch")
	proxy := t.TempDir()
	if _, err := release.Run(t.Context(), release.Options{Repo: repo, Version: "v0.1.0", Proxy: proxy}); err != nil {
		t.Fatal(err)
	}
	result, err := release.Run(t.Context(), release.Options{Repo: repo, Version: "v0.1.0"})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"v0.1.0", "cmd/tool/v0.1.0"}; !slices.Equal(result.Tags, want) {
		t.Fatalf("tags %v", result.Tags)
	}
	if git(t, repo, "rev-parse", "HEAD") != head || git(t, repo, "status", "--porcelain=v2", "--branch") != status {
		t.Error("the checkout was changed")
	}
	for _, tag := range result.Tags {
		if git(t, repo, "rev-parse", tag+"^{commit}") != result.Commit || git(t, repo, "rev-parse", tag+"~") != head {
			t.Errorf("tag %s is at another commit", tag)
		}
	}
	// go fetches the repository from this folder, though it thinks that it asks the host.
	direct := append(useProxy(t, proxy), "GOPROXY=direct", "GIT_CONFIG_COUNT=1",
		"GIT_CONFIG_KEY_0=url.file://"+repo+".insteadOf", "GIT_CONFIG_VALUE_0=https://"+toyPath)
	bin := t.TempDir()
	output(t, t.TempDir(), append(direct, "GOBIN="+bin), "go", "install", toyPath+"/cmd/tool@v0.1.0")
	if got := output(t, bin, nil, filepath.Join(bin, "tool")); got != "3" {
		t.Errorf("it prints %q", got)
	}
	for _, m := range result.Modules {
		sum := output(t, t.TempDir(), direct, "go", "mod", "download", "-json", m.Path+"@v0.1.0")
		hash, err := dirhash.HashZip(filepath.Join(proxy, m.Path, "@v", "v0.1.0.zip"), dirhash.Hash1)
		if err != nil || !strings.Contains(sum, `"Sum": "`+hash+`"`) {
			t.Errorf("%s: the proxy folder has %s (%v), the tag gives %s", m.Path, hash, err, sum)
		}
	}
	t.Run("the tags are found to be what is made", func(t *testing.T) {
		if _, err := release.Run(t.Context(), release.Options{Repo: repo, Version: "v0.1.0", Verify: true}); err != nil {
			t.Error(err)
		}
	})
	t.Run("a tag with a file of somebody's own is found", func(t *testing.T) {
		clone := t.TempDir()
		git(t, clone, "clone", "--quiet", "file://"+repo, ".")
		git(t, clone, "config", "user.name", "Mallory")
		git(t, clone, "config", "user.email", "mallory@example.com")
		git(t, clone, "checkout", "--quiet", "--detach", "cmd/tool/v0.1.0")
		write(t, clone, map[string]string{"cmd/tool/more.go": "package main\n"})
		git(t, clone, "add", "--all")
		git(t, clone, "commit", "--quiet", "--amend", "--no-edit")
		git(t, clone, "tag", "--force", "cmd/tool/v0.1.0")
		git(t, clone, "checkout", "--quiet", "main")
		refused(t, release.Options{Repo: clone, Version: "v0.1.0", Verify: true}, "cmd/tool/v0.1.0", "more.go")
		git(t, clone, "tag", "--force", "cmd/tool/v0.1.0", "main")
		refused(t, release.Options{Repo: clone, Version: "v0.1.0", Verify: true}, "its parent is")
	})
	t.Run("a version is tagged once", func(t *testing.T) {
		refused(t, release.Options{Repo: repo, Version: "v0.1.0"}, "v0.1.0 exists", "cmd/tool/v0.1.0")
	})
	t.Run("a tag that is in the way leaves none", func(t *testing.T) {
		git(t, repo, "tag", "cmd/tool/v0.5.0")
		refused(t, release.Options{Repo: repo, Version: "v0.5.0"}, "cmd/tool/v0.5.0")
	})
}

func TestAPI(t *testing.T) {
	repo := toy(t)
	if _, err := release.Run(t.Context(), release.Options{Repo: repo, Version: "v0.1.0"}); err != nil {
		t.Fatal(err)
	}
	change := func(t *testing.T, code string) {
		t.Helper()
		write(t, repo, map[string]string{"toy.go": "// Package toy is one.\npackage toy\n\n" + code})
		commit(t, repo)
	}
	run := func(t *testing.T, version string) *release.Result {
		t.Helper()
		result, err := release.Run(t.Context(), release.Options{Repo: repo, Version: version, Proxy: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	t.Run("a patch may change code", func(t *testing.T) {
		change(t, "// F is exported.\nfunc F() int { return 2 }\n")
		if got := run(t, "v0.1.1"); got.Base != "v0.1.0" || len(got.Changes) != 0 {
			t.Errorf("base %s, changes %q", got.Base, got.Changes)
		}
	})
	t.Run("an internal package may change in a patch", func(t *testing.T) {
		write(t, repo, map[string]string{"internal/deep/deep.go": "// Package deep is the root's own.\npackage deep\n"})
		commit(t, repo)
		run(t, "v0.1.1")
	})
	t.Run("what is new needs a minor version", func(t *testing.T) {
		change(t, "// F is exported.\nfunc F() int { return 2 }\n\n// N is new.\nfunc N() {}\n")
		refused(t, release.Options{Repo: repo, Version: "v0.1.1", Proxy: t.TempDir()}, "new minor version")
		if got := run(t, "v0.2.0"); !slices.Contains(got.Changes, "compatible: N: added") {
			t.Errorf("changes %q", got.Changes)
		}
	})
	t.Run("a break needs a minor version below v1 and a major one after it", func(t *testing.T) {
		git(t, repo, "tag", "v1.0.0", "v0.1.0^{commit}")
		change(t, "// F is exported.\nfunc F() string { return \"\" }\n")
		write(t, repo, map[string]string{"cmd/tool/main.go": "// Command tool prints.\npackage main\n\nimport \"" + toyPath +
			"\"\n\nfunc main() { println(toy.F() + \"\") }\n"})
		commit(t, repo)
		refused(t, release.Options{Repo: repo, Version: "v0.1.1", Proxy: t.TempDir()}, "new minor version")
		refused(t, release.Options{Repo: repo, Version: "v1.1.0", Proxy: t.TempDir()}, "new major version")
		if got := run(t, "v0.2.0"); len(got.Changes) != 1 || !strings.HasPrefix(got.Changes[0], "incompatible: F:") {
			t.Errorf("changes %q", got.Changes)
		}
	})
}
