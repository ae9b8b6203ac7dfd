package prose_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stillwarm/stillwarm/tests/prose"
)

func TestWrap(t *testing.T) {
	for _, c := range []struct{ name, page, want string }{
		{"what fits stays, however its lines are broken", "one\ntwo three\n", "one\ntwo three\n"},
		{"a paragraph", "one two three four five six\n", "one two three four\nfive six\n"},
		{"a paragraph with one long line is wrapped whole", "one\ntwo three four five six\n", "one two three four\nfive six\n"},
		{"an item of a list", "- one two three four five\n- six\n", "- one two three\n  four five\n- six\n"},
		{"an item of a numbered list", "1. one two three four five\n", "1. one two three\n   four five\n"},
		{"an item within an item", "- a\n  - one two three four\n", "- a\n  - one two three\n    four\n"},
		{"code is not broken", "one two `three four five six` seven\n", "one two\n`three four five six`\nseven\n"},
		{"a tag is not broken", "one <a id=\"three four\"></a> five six\n", "one <a id=\"three four\"></a>\nfive six\n"},
		{"an image is not broken", "one two ![three four five](six.svg) seven!\n", "one two\n![three four five](six.svg)\nseven!\n"},
		{"no line begins a list", "one two three four - five\n", "one two three\nfour - five\n"},
		{"no line begins a heading", "one two three four #5 six\n", "one two three\nfour #5 six\n"},
		{"no line begins a numbered list", "one two three four 5. six\n", "one two three\nfour 5. six\n"},
		{"bold may begin a line", "one two three four **five six**\n", "one two three four\n**five six**\n"},
		{"a heading", "# one two three four five six\n", "# one two three four five six\n"},
		{"a table", "| one two three | four five six |\n|---|---|\n| a | b |\n", "| one two three | four five six |\n|---|---|\n| a | b |\n"},
		{"fenced code", "```\none two three four five six\n```\n", "```\none two three four five six\n```\n"},
		{"indented code", "a\n\n    one two three four five six\n", "a\n\n    one two three four five six\n"},
		{"a comment", "<!-- one two three four five six -->\n", "<!-- one two three four five six -->\n"},
		{"a break that counts", "one two three four five  \nsix\n", "one two three four five  \nsix\n"},
		{"characters, not bytes", "äöü äöü äöü äöü äöü\n", "äöü äöü äöü äöü äöü\n"},
		{"a word that does not fit", "one https://example.com/a/long/path two\n", "one\nhttps://example.com/a/long/path\ntwo\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := prose.Wrap([]byte(c.page), 19)
			if err != nil || string(got) != c.want {
				t.Errorf("%v\n%s\nwant\n%s", err, got, c.want)
			}
		})
	}
}

func TestLong(t *testing.T) {
	const page = "# a very long heading that is not prose\n\nshort\n\n- one two three four five six\n- https://example.com/long\n\n| a very long | row of a table |\n|---|---|\n"
	if got := prose.Long([]byte(page), 19); !slices.Equal(got, []int{5}) {
		t.Errorf("lines %v, want 5", got)
	}
}

// Whatever the page, wrapping changes nothing that is rendered, and doing it again changes nothing at all.
func FuzzWrap(f *testing.F) {
	f.Add("one two three four five\n\n- a `b c` <i>d</i>\n\n| x | y |\n|---|---|\n")
	f.Add("1) one two three four + five\n   = six\n> seven eight nine ten\n")
	f.Fuzz(func(t *testing.T, page string) {
		once, err := prose.Wrap([]byte(page), 20)
		if err != nil {
			return // it says that it cannot
		}
		twice, err := prose.Wrap(once, 20)
		if err == nil && string(twice) != string(once) {
			t.Errorf("%q became %q and then %q", page, once, twice)
		}
		if !strings.Contains(page, " ") && !strings.Contains(page, "\n") && string(once) != page {
			t.Errorf("%q became %q", page, once)
		}
	})
}
