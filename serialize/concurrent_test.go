package serialize

import (
	"bytes"
	"reflect"
	"sync"
	"testing"
)

type onlyHere struct {
	Next *onlyHere
	M    map[string][]onlyHere
	Any  any
}

func TestCodecsAndSealersAreSafeForConcurrentUse(t *testing.T) {
	in := onlyHere{Next: &onlyHere{}, M: map[string][]onlyHere{"a": {{}, {}}}, Any: []any{1, "x"}}
	s := newSealer(t, Options{Keys: "k1:" + testKey(1)})
	padding := bytes.Repeat([]byte("pad"), 200)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			codec, err := CodecFor(reflect.TypeFor[onlyHere]())
			if err != nil {
				t.Error(err)
				return
			}
			for range 50 {
				data, err := codec.Append(bytes.Clone(padding), &in)
				if err != nil {
					t.Error(err)
					return
				}
				entry, err := s.Seal(nil, testAddress, testHeader(), data)
				if err != nil {
					t.Error(err)
					return
				}
				_, data, err = s.Open(testAddress, entry)
				if err != nil {
					t.Error(err)
					return
				}
				var out onlyHere
				if err := codec.Decode(data[len(padding):], &out); err != nil || !reflect.DeepEqual(in, out) {
					t.Errorf("%+v, %v", out, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
