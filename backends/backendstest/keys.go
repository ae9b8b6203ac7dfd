package backendstest

import (
	"fmt"
	"strings"
)

var keyTests = []subtest{
	{"hostile keys are told apart exactly", func(e *env) {
		s := e.store()
		keys := HostileKeys()
		for i, k := range keys {
			e.put(s, k, fmt.Sprintf("value %d", i))
		}
		for i, k := range keys {
			e.want(s, k, fmt.Sprintf("value %d", i))
		}
	}},
	{"deleting one hostile key leaves the others", func(e *env) {
		s := e.store()
		keys := HostileKeys()
		for i, k := range keys {
			e.put(s, k, fmt.Sprintf("value %d", i))
		}
		for i := 0; i < len(keys); i += 2 {
			e.delete(s, keys[i])
		}
		for i, k := range keys {
			if i%2 == 0 {
				e.wantNone(s, k)
			} else {
				e.want(s, k, fmt.Sprintf("value %d", i))
			}
		}
	}},
	{"a hostile function name or namespace is told apart exactly", func(e *env) {
		names := HostileKeys()
		for i, name := range names {
			f := fn()
			f.Name = name
			e.put(e.storeOf(e.pm, f), "k", fmt.Sprintf("name %d", i))
			f = fn()
			f.Namespace = name
			e.put(e.storeOf(e.pm, f), "k", fmt.Sprintf("namespace %d", i))
		}
		for i, name := range names {
			f := fn()
			f.Name = name
			e.want(e.storeOf(e.pm, f), "k", fmt.Sprintf("name %d", i))
			f = fn()
			f.Namespace = name
			e.want(e.storeOf(e.pm, f), "k", fmt.Sprintf("namespace %d", i))
		}
	}},
}

// HostileKeys returns keys that a store is likely to confuse, refuse or take for a path or a pattern. All differ. The
// slice is the caller's own.
func HostileKeys() []string {
	long := strings.Repeat("0123456789abcdef", 640) // 10 KB
	keys := []string{
		"a", "A", "b", "ab", "a/b", "a//b", "a/b/", "/a/b", "a/", "/", "//", "a.b", "a:b", "a|b", "a,b", "a;b",
		".", "..", "./a", "../a", "a/..", "a/../b", "./..", "../..", "..\\..", "C:\\a", "~", "~/a", ".hidden", "a.",
		"\x00", "a\x00", "a\x00b", "\n", "a\n", "a\nb", "\r\n", "\t", " ", "  ", " a", "a ", "\x7f", "\x1b[31m",
		"\xff", "\xfe\xff", "\xc3\x28", "a\x80b", "\ufeffa", "\u200b", "\u202e", "日本語", "😀", "\uFFFD",
		"\u00e9", "e\u0301", // one letter, composed and decomposed
		"\u212a", "k", "K", // the Kelvin sign folds to k
		"ß", "ss", "SS", "İ", "i", "ı",
		"%", "%2F", "%2f", "%252F", "a%2Fb", "%00", "%zz", "a+b", "a b", "a%20b", "a&b=c", "a?b", "a#b", "?", "#",
		"-", "--", "-a", "-rf", "--help", "$HOME", "$(a)", "`a`", "'", "\"", "\\", "\\\\", "\\n", "<a>", "&amp;",
		"*", "**", "a*", "[a]", "[a-z]", "[^a]", "a?", "{a}", "{a}b", "{b}a", "{}", "{}a", "{a}{b}", "{{a}}", "}a{", "{",
		"CON", "con", "NUL", "nul.txt", "COM1", "LPT1", "aux",
		"0", "00", "1", "-1", "null", "nil", "true", "None", "__proto__", "tmp", ".tmp", "lock", "lease", "generation",
		"meta", "g", "gen", "lease:a", "a:lease", "a:g", "a.lease", "a.lock", "a.tmp", "leases/a", "entries/a",
		long, long + "x", "x" + long, long[:255], long[:256], long[:1024], long[:1025],
		strings.Repeat("/", 300), strings.Repeat("../", 100) + "etc/passwd", strings.Repeat("é", 200),
	}
	return keys
}
