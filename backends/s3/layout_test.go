package s3

import (
	"strings"
	"testing"
)

func TestLayout(t *testing.T) {
	t.Run("pairs of namespace and name that join to the same text differ", func(t *testing.T) {
		if functionID("ab", "c") == functionID("a", "bc") || functionID("", "abc") == functionID("abc", "") {
			t.Error("two functions share a name")
		}
	})
	t.Run("names are fixed: another version finds the entries", func(t *testing.T) {
		f := functionID("shop", "example.com/shop.quotes")
		const want = "0119f85d3bb34e1fdcae8ac41bc4deb0aa6e4a9976b3c4ae51130cacafaca114" +
			".9858a3a48fcd431e0168e51c5402d003"
		if got := entryID(f, "key"); got != want {
			t.Errorf("entry %s, want %s", got, want)
		}
	})
	t.Run("the hash comes first, and nothing of the names shows", func(t *testing.T) {
		name := newLayout("p").entry(entryID(functionID("secret", "secret"), "secret"))
		rest, ok := strings.CutPrefix(name, "p/e/")
		if !ok || !isHex(rest[:hashLen]) || strings.Contains(name, "secret") {
			t.Errorf("name %s", name)
		}
	})
	t.Run("every key has a name of plain characters and bounded length", func(t *testing.T) {
		f := functionID("", "f")
		seen := map[string]string{}
		for _, key := range []string{"a", "A", "a/", "../a", "\x00", "a\x00", strings.Repeat("x", 1<<20), "ключ", "\xff\xfe"} {
			id := entryID(f, key)
			if was, twice := seen[id]; twice {
				t.Errorf("%q and %q share a name", key, was)
			}
			seen[id] = key
			if function, ok := functionOf("e/"+id, "e/"); !ok || function != f {
				t.Errorf("%q: name %s is not recognised", key, id)
			}
		}
	})
	t.Run("other objects are not ours", func(t *testing.T) {
		id := entryID(functionID("", "f"), "k")
		for _, name := range []string{"", "e/", "e/readme.txt", "l/" + id, "e/" + id + "x", "e/" + strings.ToUpper(id), "e/" + strings.Replace(id, ".", "-", 1)} {
			if _, ok := functionOf(name, "e/"); ok {
				t.Errorf("%q passes for an entry", name)
			}
		}
	})
}
