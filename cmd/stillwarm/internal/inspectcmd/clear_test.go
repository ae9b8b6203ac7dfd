package inspectcmd

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/inspect"
)

// terminal is somebody who answers.
func terminal(answer string, asks bool) (IO, *strings.Builder) {
	var said strings.Builder
	return IO{In: strings.NewReader(answer), Out: &said, Err: &said, Asks: asks}, &said
}

func TestClearAsks(t *testing.T) {
	for answer, want := range map[string]bool{"y\n": true, "YES\n": true, " yes \n": true, "n\n": false, "\n": false, "": false, "yesterday\n": false} {
		o, said := terminal(answer, true)
		c := &Clear{Target: Target{URL: "disk://" + t.TempDir(), Function: "shop.f"}}
		err := c.Run(context.Background(), o)
		if cleared := err == nil; cleared != want || !strings.Contains(said.String(), "Clear shop.f? [y/N]") {
			t.Errorf("%q: %v, %s", answer, err, said)
		}
	}
	t.Run("without anybody --yes is needed, and named", func(t *testing.T) {
		o, _ := terminal("y\n", false)
		c := &Clear{Target: Target{URL: "disk://" + t.TempDir()}, All: true}
		err := c.Run(context.Background(), o)
		var u *UsageError
		if !errors.As(err, &u) || !strings.Contains(err.Error(), "--yes") || u.ExitCode() != 2 {
			t.Errorf("%v", err)
		}
		c.Yes = true
		if err := c.Run(context.Background(), o); err != nil {
			t.Error(err)
		}
	})
}

func TestClearNeedsOneChoice(t *testing.T) {
	for name, c := range map[string]*Clear{
		"nothing":                   {},
		"a function and everything": {Target: Target{Function: "f"}, All: true},
		"a key and a tag":           {Key: "abcd", Tag: []string{"t"}},
		"all of a namespace":        {Target: Target{Namespace: "n"}, All: true},
	} {
		o, _ := terminal("y\n", true)
		c.URL = "disk://" + t.TempDir()
		if err := c.Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), "clear what?") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFunctionsAreMeantByTheEndOfTheirNames(t *testing.T) {
	f := inspect.Function{Namespace: "shop", Name: "example.com/shop.prices"}
	for name, want := range map[string]bool{
		"": true, "example.com/shop.prices": true, "shop.prices": true, "prices": true, "ices": false, "shop": false, "x/shop.prices": false,
		".prices": false,
	} {
		if got := (&Target{Function: name}).matches(f); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
	if (&Target{Namespace: "other"}).matches(f) {
		t.Error("another namespace matches")
	}
}

func TestWhatIsShownCannotSteerTheTerminal(t *testing.T) {
	if got := printable("a\x1b[31m\u202eb\nc\u009b"); got != "a?[31m?b?c?" {
		t.Errorf("%q", got)
	}
}

func TestSpans(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "-", 90 * time.Second: "1m30s", 3 * time.Minute: "3m", 26*time.Hour + 10*time.Minute: "26h", 72 * time.Hour: "3d", time.Second: "1s",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
