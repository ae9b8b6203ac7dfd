package adapter

import (
	"encoding/hex"
	"encoding/json"
	"reflect"

	"github.com/stillwarm/stillwarm/internal/engine"
	"github.com/stillwarm/stillwarm/internal/key"
	"github.com/stillwarm/stillwarm/internal/shape"
)

// describe says what a function's record tells tools about its types.
func describe(kind string, in, out reflect.Type) engine.Description {
	d := engine.Description{Kind: kind, In: in.String(), Out: out.String(), Trees: map[string]json.RawMessage{}}
	for _, t := range []reflect.Type{in, out} {
		print := key.Fingerprint(t)
		if tree, err := json.Marshal(shape.Of(t)); err == nil {
			d.Trees[hex.EncodeToString(print[:16])] = tree
		}
	}
	return d
}
