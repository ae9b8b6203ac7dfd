// Package prose wraps the prose of Markdown pages. Tables, code, headings and HTML stay as they are; so does a paragraph
// whose lines all fit, so that an edit changes no more than it has to.
package prose

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// Width is how long a line of prose may be, in characters.
const Width = 120

// ErrMeaning is returned where wrapping would change what the page says. The page is a case for a person.
var ErrMeaning = errors.New("wrapping would change how the page is rendered")

func markdown() goldmark.Markdown { return goldmark.New(goldmark.WithExtensions(extension.GFM)) }

// A paragraph is a run of lines that may be wrapped.
type paragraph struct {
	start, stop int    // in the page, whole lines without the last newline
	prefix      string // in front of its first line, such as "- "
	text        string
}

// Wrap returns the page with each paragraph that has a longer line wrapped at the width.
func Wrap(page []byte, width int) ([]byte, error) {
	out := page
	for _, p := range slices.Backward(paragraphs(page)) {
		if !p.tooLong(page, width) {
			continue
		}
		out = slices.Concat(out[:p.start], []byte(p.wrapped(width)), out[p.stop:])
	}
	if before, after := rendered(page), rendered(out); before != after {
		return nil, ErrMeaning
	}
	return out, nil
}

// Long returns the numbers of the lines of prose that are longer than the width, and that Wrap would break.
func Long(page []byte, width int) []int {
	var numbers []int
	for _, p := range paragraphs(page) {
		source := string(page[p.start:p.stop])
		if source == p.wrapped(width) {
			continue
		}
		first := 1 + bytes.Count(page[:p.start], []byte("\n"))
		for i, line := range strings.Split(source, "\n") {
			if utf8.RuneCountInString(line) > width {
				numbers = append(numbers, first+i)
			}
		}
	}
	return numbers
}

// paragraphs returns what may be wrapped, in the order of the page.
func paragraphs(page []byte) []paragraph {
	var all []paragraph
	doc := markdown().Parser().Parse(text.NewReader(page))
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n.Kind() {
		case ast.KindBlockquote:
			return ast.WalkSkipChildren, nil
		case ast.KindParagraph, ast.KindTextBlock:
			if p, ok := paragraphOf(page, n); entering && ok {
				all = append(all, p)
			}
			return ast.WalkSkipChildren, nil
		}
		return ast.WalkContinue, nil
	})
	return all
}

// paragraphOf returns false for what has line breaks that count.
func paragraphOf(page []byte, n ast.Node) (paragraph, bool) {
	lines := n.Lines()
	if lines == nil || lines.Len() == 0 {
		return paragraph{}, false
	}
	var parts []string
	for i := range lines.Len() {
		segment := lines.At(i)
		line := strings.TrimSuffix(string(segment.Value(page)), "\n")
		if i < lines.Len()-1 && (strings.HasSuffix(line, "  ") || strings.HasSuffix(line, `\`)) {
			return paragraph{}, false
		}
		parts = append(parts, strings.TrimSpace(line))
	}
	first, last := lines.At(0), lines.At(lines.Len()-1)
	start := bytes.LastIndexByte(page[:first.Start], '\n') + 1
	stop := last.Stop
	if stop > 0 && page[stop-1] == '\n' {
		stop--
	}
	return paragraph{start, stop, string(page[start:first.Start]), strings.Join(parts, " ")}, true
}

func (p paragraph) tooLong(page []byte, width int) bool {
	return slices.ContainsFunc(strings.Split(string(page[p.start:p.stop]), "\n"), func(line string) bool {
		return utf8.RuneCountInString(line) > width
	})
}

func (p paragraph) wrapped(width int) string {
	indent := strings.Repeat(" ", utf8.RuneCountInString(p.prefix))
	var b strings.Builder
	b.WriteString(p.prefix)
	column := len(indent)
	for i, word := range words(p.text) {
		length := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+length > width:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += length
	}
	return b.String()
}

// words returns the parts between which a line may be broken: not within code, an image or a tag, and not before what would be read as
// the beginning of a list, a heading or a table if it stood first.
func words(s string) []string {
	var all []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimLeft(s, " ") {
		end := wordEnd(s)
		word := s[:end]
		if len(all) > 0 && startsBlock(word) {
			all[len(all)-1] += " " + word
		} else {
			all = append(all, word)
		}
		s = s[end:]
	}
	return all
}

var imagePattern = regexp.MustCompile(`^!\[[^\[\]]*\]\([^()\s]*\)`)

// wordEnd returns where the first word ends.
func wordEnd(s string) int {
	for i := 0; i < len(s); {
		switch s[i] {
		case ' ':
			return i
		case '`':
			ticks := len(s[i:]) - len(strings.TrimLeft(s[i:], "`"))
			i += ticks
			if end := strings.Index(s[i:], strings.Repeat("`", ticks)); end >= 0 {
				i += end + ticks
			}
		case '!': // the text of an image is read out, and looks better whole
			if image := imagePattern.FindString(s[i:]); image != "" {
				i += len(image) - 1
			}
			i++
		case '<':
			if end := strings.IndexByte(s[i:], '>'); end > 0 {
				i += end
			}
			i++
		default:
			i++
		}
	}
	return len(s)
}

func startsBlock(word string) bool {
	if strings.IndexByte("#>|+-*=<~", word[0]) >= 0 {
		return !strings.HasPrefix(word, "**") || word == "**"
	}
	digits := strings.TrimLeft(word, "0123456789")
	return digits != word && (strings.HasPrefix(digits, ".") || strings.HasPrefix(digits, ")")) || strings.HasPrefix(word, "```")
}

// rendered is the page's HTML, in which one space is like another.
func rendered(page []byte) string {
	var b bytes.Buffer
	if err := markdown().Convert(page, &b); err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
