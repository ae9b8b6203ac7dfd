package backendstest

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

var valueTests = []subtest{
	{"an empty entry is an entry", func(e *env) {
		s := e.store()
		e.put(s, "empty", "")
		if err := e.write(s, "nil", nil, time.Time{}); err != nil {
			e.Fatal(err)
		}
		e.want(s, "empty", "")
		e.want(s, "nil", "")
	}},
	{"every byte comes back as it was", func(e *env) {
		s := e.store()
		all := make([]byte, 256)
		for i := range all {
			all[i] = byte(i)
		}
		values := map[string]string{
			"all":     string(all),
			"zeros":   string(make([]byte, 5000)),
			"newline": "a\r\nb\r\n\r\n0\r\n\r\n",
			"utf8":    "\xff\xfe\xc3(",
			"random":  string(noise(100_003)),
		}
		for k, v := range values {
			e.put(s, k, v)
		}
		for k, v := range values {
			e.want(s, k, v)
		}
	}},
	{"sizes around the usual buffer borders come back whole", func(e *env) {
		s := e.store()
		for _, n := range []int{1, 511, 512, 513, 4095, 4096, 4097, 32767, 32768, 65535, 65536, 65537, 1 << 20} {
			if int64(n) > e.largest() {
				continue
			}
			v := string(noise(n))
			e.put(s, "k", v)
			e.want(s, "k", v)
		}
	}},
	{"the largest entry fits", func(e *env) {
		s := e.store()
		v := noise(int(e.largest()))
		if err := e.write(s, "big", v, time.Time{}); err != nil {
			e.Fatalf("Put of %d bytes: %v", len(v), err)
		}
		got, _, err := e.get(s, "big")
		if err != nil {
			e.Fatalf("Get of %d bytes: %v", len(v), err)
		}
		if !bytes.Equal(got, v) {
			e.Fatalf("%d bytes came back changed (%d bytes)", len(v), len(got))
		}
	}},
	{"an entry that is too large is refused with ErrTooLarge and leaves nothing new", func(e *env) {
		if e.h.MaxEntry == 0 {
			e.Skipf("%s: no limit", e.h.Name)
		}
		s := e.store()
		err := e.write(s, "big", make([]byte, e.h.MaxEntry+1), time.Time{})
		if !errors.Is(err, backends.ErrTooLarge) {
			e.Fatalf("Put of %d bytes: %v, want ErrTooLarge", e.h.MaxEntry+1, err)
		}
		e.wantNone(s, "big")
	}},
}

func (e *env) largest() int64 {
	switch {
	case e.h.MaxEntry > 0:
		return e.h.MaxEntry
	case testing.Short():
		return 5_000_000
	}
	return 50_000_000
}

// noise returns n bytes that do not compress, the same ones at every call.
func noise(n int) []byte {
	var seed [32]byte
	b := make([]byte, n)
	_, _ = rand.NewChaCha8(seed).Read(b)
	return b
}
