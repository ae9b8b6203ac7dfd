package page

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// readable is the contrast that WCAG AA asks of text; seen is what it asks of parts that carry meaning without text.
const (
	readable = 4.5
	seen     = 3
)

// onSurfaces are the pairs of colours that the page puts upon each other: a colour, the surfaces beneath it, and the least
// contrast.
var onSurfaces = []struct {
	colour   string
	surfaces string
	least    float64
}{
	{"ink", "bg card sunk hover sel idlebg badbg okbg warnbg coldbg frozenbg", readable},
	{"soft", "bg card sunk hover sel idlebg", readable},
	{"accent", "bg card sunk hover sel", readable},
	{"on-accent", "accent", readable},
	{"ok", "okbg card bg sel hover", readable},
	{"bad", "badbg card bg sel hover", readable},
	{"warn", "warnbg card bg sel hover", readable},
	{"cold", "coldbg card bg sel", readable},
	{"frozen", "frozenbg card bg", readable},
	{"wait", "card bg sel hover", readable},
	{"focus", "bg card sunk hover sel", seen},
}

var (
	variable   = regexp.MustCompile(`--([a-z-]+):\s*(#[0-9a-f]{3,6});`)
	darkScheme = regexp.MustCompile(`(?s)@media \(prefers-color-scheme: dark\) \{\s*:root \{(.*?)\}`)
	lightRoot  = regexp.MustCompile(`(?s)^.*?:root \{(.*?)\}`)
)

func palette(t *testing.T, part *regexp.Regexp, css string) map[string]string {
	t.Helper()
	block := part.FindStringSubmatch(css)
	if block == nil {
		t.Fatalf("no %s", part)
	}
	colours := map[string]string{}
	for _, m := range variable.FindAllStringSubmatch(block[1]+";", -1) {
		colours[m[1]] = m[2]
	}
	return colours
}

func TestContrast(t *testing.T) {
	css, err := assets.ReadFile("assets/style.css")
	if err != nil {
		t.Fatal(err)
	}
	for name, part := range map[string]*regexp.Regexp{"light": lightRoot, "dark": darkScheme} {
		t.Run(name, func(t *testing.T) {
			colours := palette(t, part, string(css))
			at := func(name string) float64 {
				text, ok := colours[name]
				if !ok {
					t.Fatalf("the palette has no --%s", name)
				}
				return luminance(t, text)
			}
			for _, pair := range onSurfaces {
				for surface := range strings.FieldsSeq(pair.surfaces) {
					if got := contrast(at(pair.colour), at(surface)); got < pair.least {
						t.Errorf("%s on %s: %.2f, less than %.1f", pair.colour, surface, got, pair.least)
					}
				}
			}
		})
	}
	t.Run("black on white is 21", func(t *testing.T) {
		if got := contrast(luminance(t, "#000"), luminance(t, "#ffffff")); math.Abs(got-21) > 0.01 {
			t.Error(got)
		}
	})
}

func contrast(a, b float64) float64 { return (max(a, b) + 0.05) / (min(a, b) + 0.05) }

// luminance is the relative luminance of an sRGB colour.
func luminance(t *testing.T, text string) float64 {
	t.Helper()
	digits := strings.TrimPrefix(text, "#")
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	n, err := strconv.ParseUint(digits, 16, 32)
	if err != nil || len(digits) != 6 {
		t.Fatalf("%q is no colour", text)
	}
	linear := func(shift uint) float64 {
		c := float64(n>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(16) + 0.7152*linear(8) + 0.0722*linear(0)
}
