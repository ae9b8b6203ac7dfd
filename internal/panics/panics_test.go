package panics_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stillwarm/stillwarm/internal/panics"
)

type fault struct{ code int }

func (f *fault) Error() string { return fmt.Sprint("fault ", f.code) }

// captured runs f in a goroutine of its own and returns what it panicked with.
func captured(f func()) (c panics.Carrier) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if r := recover(); r != nil {
				c = panics.Capture(r)
			}
		}()
		f()
	}()
	<-done
	return c
}

func explicit() { panic("on fire") }
func typed()    { panic(&fault{7}) }
func nilMap()   { noMap()["x"] = 1 }

func noMap() map[string]int { return nil }

func outOfRange() {
	var s []int
	i := 3
	_ = s[i]
}

func nilPointer() {
	var f *fault
	_ = f.code + 1
	runtime.KeepAlive(f)
}

func division() {
	zero := 0
	_ = 1 / zero
}

func repanics() {
	defer func() {
		r := recover()
		panic(fmt.Sprint("again: ", r))
	}()
	explicit()
}

func TestCapture(t *testing.T) {
	for name, f := range map[string]func(){
		"explicit": explicit, "typed": typed, "nilMap": nilMap, "outOfRange": outOfRange,
		"nilPointer": nilPointer, "division": division,
	} {
		t.Run("F2 the first frame is the line that panicked: "+name, func(t *testing.T) {
			c := captured(f)
			first := c.RunStack()[0]
			if !strings.HasSuffix(first.Function, "."+name) || !strings.HasSuffix(first.File, "panics_test.go") || first.Line == 0 {
				t.Fatalf("first frame %s %s:%d", first.Function, first.File, first.Line)
			}
			if text := c.Error(); !strings.Contains(text, "panics_test.go:") || strings.Contains(text, "\n") {
				t.Errorf("text %q", text)
			}
			if long := fmt.Sprintf("%+v", c); !strings.Contains(long, "captured") || !strings.Contains(long, "\n") {
				t.Errorf("long text %q", long)
			}
		})
	}
	t.Run("F2 unwraps to the original value", func(t *testing.T) {
		var f *fault
		if c := captured(typed); !errors.As(error(c), &f) || f.code != 7 || c.PanicValue() != any(f) {
			t.Fatalf("got %v", f)
		}
		if c := captured(explicit); c.PanicValue() != "on fire" || c.Unwrap() != nil {
			t.Fatalf("got %v", c.PanicValue())
		}
		var re runtime.Error
		if c := captured(nilMap); !errors.As(error(c), &re) {
			t.Fatal("a runtime error is not found")
		}
	})
	t.Run("F2 a run inside a run keeps the innermost stack", func(t *testing.T) {
		inner := captured(explicit)
		if outer := captured(func() { panic(inner) }); outer != inner {
			t.Fatalf("got %v", outer)
		}
	})
	t.Run("a panic raised again by a deferred function", func(t *testing.T) {
		c := captured(repanics)
		if !strings.Contains(c.RunStack()[0].Function, "repanics") {
			t.Fatalf("first frame %s", c.RunStack()[0].Function)
		}
		if long := fmt.Sprintf("%+v", c); !strings.Contains(long, "explicit") {
			t.Fatalf("the first panic's frames are gone: %s", long)
		}
	})
	t.Run("outside of a panic", func(t *testing.T) {
		if c := panics.Capture("nothing happened"); c.Error() == "" || len(c.RunStack()) == 0 {
			t.Fatalf("got %v", c)
		}
	})
}
