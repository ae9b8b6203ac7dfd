package adapter_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stillwarm/stillwarm/adapter"
)

func second(_ any, err error) error { return err }

// An error fits a log record; where a program ends with it, and with %+v, it has lines.
func TestMessagesHaveOneLineAndMoreInFull(t *testing.T) {
	on := adapter.WithRuntime(newWorld(t).container().Runtime)
	wrapping := func(wrap func()) (err error) {
		defer func() { err, _ = recover().(error) }()
		wrap()
		return nil
	}
	unhashable := func(_ context.Context, in struct{ C chan int }) (int, error) { return 0, nil }
	unserializable := func(context.Context, int) (func(), error) { return nil, nil }
	for name, c := range map[string]struct{ returned, panicked error }{
		"unhashable": {
			second(adapter.NewData(unhashable, adapter.Name("a"), on)),
			wrapping(func() { adapter.CacheData(unhashable, adapter.Name("b"), on) }),
		},
		"unserializable": {
			second(adapter.NewData(unserializable, adapter.Name("c"), on)),
			wrapping(func() { adapter.CacheData(unserializable, adapter.Name("d"), on) }),
		},
	} {
		t.Run(name, func(t *testing.T) {
			one, full := c.returned.Error(), fmt.Sprintf("%+v", c.returned)
			if strings.ContainsAny(one, "\n\t") || fmt.Sprint(c.returned) != one || fmt.Sprintf("%q", c.returned) != strconv.Quote(one) {
				t.Errorf("not on one line:\n%s\n%[1]q", c.returned)
			}
			if !strings.Contains(full, "\n") || !slices.Equal(strings.Fields(full), strings.Fields(one)) {
				t.Errorf("%%+v is\n%s\nwhere the line is\n%s", full, one)
			}
			if lines := strings.Count(c.panicked.Error(), "\n"); lines != strings.Count(full, "\n") {
				t.Errorf("the panic has %d line breaks:\n%v", lines, c.panicked)
			}
		})
	}
	var ue *adapter.UnhashableParamError
	if !errors.As(wrapping(func() { adapter.CacheData(unhashable, adapter.Name("e"), on) }), &ue) {
		t.Error("the panic is no *UnhashableParamError")
	}
}
