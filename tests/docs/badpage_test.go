package docs_test

import (
	"strings"
	"testing"
)

// What the tests of the pages promise to find, they find: each mistake of a bad page is reported, and nothing of a good one.

func TestDeadLinksAreFound(t *testing.T) {
	const good = "# One page\n\n## It `works`, twice\n\n[up](#it-works-twice) [itself](a.md#one-page) [code](../go.mod) [far](https://example.com/x)\n\n" +
		"```sh\necho '[not](a-link.md)'\n```\n"
	if dead := deadLinks([]page{parsePage("docs/a.md", []byte(good))}); len(dead) > 0 {
		t.Errorf("of a good page: %q", dead)
	}
	for _, c := range []struct{ name, link, want string }{
		{"a file", "[x](nowhere.md)", "docs/b.md:3: nowhere.md: no such file"},
		{"an image", "![x](img/nowhere.svg)", "no such file"},
		{"an image in HTML", `<img src="img/nowhere.png">`, "no such file"},
		{"an anchor of this page", "[x](#nothing)", "no heading has this anchor"},
		{"an anchor of another page", "[x](a.md#nothing)", "no heading has this anchor"},
		{"a page with an anchor", "[x](nowhere.md#top)", "no such page"},
		{"outside", "[x](../../etc/passwd)", "leads out of the repository"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := parsePage("docs/b.md", []byte("# Bad\n\n"+c.link+"\n"))
			dead := deadLinks([]page{parsePage("docs/a.md", []byte(good)), bad})
			if len(dead) != 1 || !strings.Contains(dead[0], c.want) {
				t.Errorf("%q, want one with %q", dead, c.want)
			}
		})
	}
}

func TestBlocksThatDoNotCompileAreFound(t *testing.T) {
	const head = "# Page\n\n<!-- prelude\nvar ctx = context.Background()\n\nfunc double(_ context.Context, n int) (int, error) { return 2 * n, nil }\n-->\n\n"
	for _, c := range []struct{ name, code, want string }{
		{"statements", "n, err := doubles.Get(ctx, 1)\n", "undefined: doubles"},
		{"good statements", "n, err := double(ctx, 1)\n", ""},
		{"good declarations", "var doubles = adapter.CacheData(double, adapter.TTL(\"1m\"))\n", ""},
		{"declarations", "var doubles = adapter.CacheDate(double)\n", "undefined: adapter.CacheDate"},
		{"an option of the wrong kind", "var doubles = adapter.CacheResource(double, adapter.Persist(true))\n", "in argument"},
		{"syntax", "func x() { ... }\n", "expected"},
		{"a whole file", "package main\n\nfunc main() { println(ctx) }\n", "undefined: ctx"},
		{"an unused import of a whole file", "package main\n\nimport \"os\"\n\nfunc main() {}\n", "imported and not used"},
		{"a whole file that is not formatted", "package main\n\nfunc main() { }\n", "not formatted"},
		{"a package that is not there", "package main\n\nimport _ \"example.com/nowhere\"\n\nfunc main() {}\n", "not to be had"},
	} {
		t.Run(c.name, func(t *testing.T) {
			blocks := parsePage("docs/x.md", []byte(head+"```go\n"+c.code+"```\n")).blocks
			if len(blocks) != 1 {
				t.Fatalf("%d blocks", len(blocks))
			}
			compiler, err := newCompiler(blocks)
			if err != nil {
				t.Fatal(err)
			}
			switch err := compiler.compile(blocks[0]); {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestBadRecipesAreFound(t *testing.T) {
	fence := func(lang, code string) string { return "```" + lang + "\n" + code + "```\n\n" }
	const program = "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"warm\") }\n"
	test := func(body string) string {
		return "package main\n\nimport (\n\t\"testing\"\n)\n\nfunc TestIt(t *testing.T) {\n\t" + body + "\n}\n"
	}
	for _, c := range []struct{ name, page, want string }{
		{"good output", fence("go", program) + fence("text", "warm\n"), ""},
		{"good test", fence("go", program) + fence("go", test("t.Log(1)")), ""},
		{"other output", fence("go", program) + fence("text", "cold\n"), "it printed"},
		{"a test that fails", fence("go", program) + fence("go", test("t.Fatal(\"no\")")), "the tests did not pass"},
		{"only skipped tests", fence("go", program) + fence("go", test("t.Skip()")), "the tests did not pass"},
		{"a test that does not compile", fence("go", program) + fence("go", test("nothing()")), "the tests did not pass"},
		{"good commands", fence("go", program) + fence("console", "$ go run .\nwarm\n$ stillwarm clear --help >/dev/null\n"), ""},
		{"commands that print something else", fence("go", program) + fence("console", "$ go run .\ncold\n"), "the commands printed"},
		{"a command that fails", fence("go", program) + fence("console", "$ stillwarm melt >/dev/null 2>&1\n"), "the commands printed"},
		{"a second program that fails", fence("go", program) + fence("text", "warm\n") + fence("go", program) + fence("text", "hot\n"), "it printed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := readRecipe(parsePage("docs/recipes/x.md", []byte("# X\n\n"+c.page)))
			if err != nil {
				t.Fatal(err)
			}
			failed := runRecipes(t, []recipe{r})[r.page]
			if (failed == "") != (c.want == "") || !strings.Contains(failed, c.want) {
				t.Errorf("%q, want %q", failed, c.want)
			}
		})
	}
	for name, page := range map[string]string{
		"no code":             "text\n",
		"a fragment":          fence("go", "x := 1\n"),
		"nothing to see":      fence("go", program),
		"a second without it": fence("go", program) + fence("text", "warm\n") + fence("go", program),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := readRecipe(parsePage("docs/recipes/x.md", []byte("# X\n\n"+page))); err == nil {
				t.Error("it was taken for a recipe")
			}
		})
	}
}
