package bench

import (
	"bytes"
	"crypto/sha256"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/fxamacker/cbor/v2"
	"github.com/huandu/go-clone"
	"github.com/mitchellh/hashstructure/v2"
	"github.com/tiendc/go-deepcopy"

	plan "github.com/stillwarm/stillwarm/internal/clone"
	"github.com/stillwarm/stillwarm/internal/key"
	"github.com/stillwarm/stillwarm/serialize"
)

const (
	sectionKeys   = "1. Keys"
	sectionCopies = "1. Copies"
	sectionCodec  = "1. Codec"
)

// keyContests compare ways from a typed argument to a key.
func keyContests() ([]*contest, error) {
	p, err := key.Compile(reflect.TypeFor[query](), key.Options{Function: "bench"})
	if err != nil {
		return nil, err
	}
	prefix := key.NewPrefix("bench", "build")
	room := func(use func(b []byte) bool) func(n int) {
		return func(n int) {
			b := make([]byte, 0, 512)
			must(func() bool { return use(b) })(n)
		}
	}
	peers := []contender{
		{name: "JSON and SHA-256", role: peer, loop: must(func() bool {
			text, err := json.Marshal(&aQuery)
			sha256.Sum256(text)
			return err == nil
		})},
		{name: "CBOR and SHA-256", role: peer, loop: must(func() bool {
			data, err := cbor.Marshal(&aQuery)
			sha256.Sum256(data)
			return err == nil
		})},
		{name: "mitchellh/hashstructure", role: peer, lacks: "64 bits: collisions are wrong answers", loop: must(func() bool {
			_, err := hashstructure.Hash(&aQuery, hashstructure.FormatV2, nil)
			return err == nil
		})},
		{name: "Sprintf", role: peer, lacks: "one key for different arguments", loop: must(func() bool { return fmt.Sprintf("%+v", aQuery) != "" })},
	}
	local := &contest{
		id: "key-local", title: "in the container: exact bytes", section: sectionKeys,
		goals: []goal{within(goalKeyLocal), allocsAtMost(0), ahead()},
		contenders: append([]contender{
			{name: "Stillwarm, plan", role: ours, loop: room(func(b []byte) bool { _, err := key.Append(p, b, &aQuery); return err == nil })},
			{name: "by hand and xxh3", role: floor, loop: must(func() bool { return handKey(&aQuery) != 0 })},
		}, peers...),
	}
	persistent := &contest{
		id: "key-persistent", title: "in the backend: SHA-256", section: sectionKeys,
		goals: []goal{within(goalKeyPersistent), allocsAtMost(0), ahead()},
		contenders: append([]contender{
			{name: "Stillwarm, plan and SHA-256", role: ours, loop: room(func(b []byte) bool {
				args, err := key.Append(p, b, &aQuery)
				prefix.Sum("", args)
				return err == nil
			})},
			{name: "by hand and SHA-256", role: floor, loop: room(func(b []byte) bool {
				sum := sha256.Sum256(appendHand(append(b, "bench build......................"...), &aQuery))
				return sum[0] <= 255 //nolint:staticcheck // the result has to be used
			})},
		}, peers...),
	}
	return []*contest{local, persistent}, nil
}

// copyContests compare ways to an isolated copy.
func copyContests() ([]*contest, error) {
	b := &builder{}
	addCopy(b, "copy-100", "struct with 100 elements, 8 KB", newHundred(), copyHundred)
	addCopy(b, "copy-nested", "nested struct with pointers", newNested(), copyNested)
	addCopy(b, "copy-map", "map of 100 strings to ints", newMap(), copyMap)
	return b.contests, b.err
}

func addCopy[T any](b *builder, id, title string, v T, hand func(*T) T) {
	p, err := plan.Compile(reflect.TypeFor[T]())
	if err != nil {
		b.err = err
		return
	}
	var out T
	kept := &plan.Kept[T]{Value: v}
	b.contests = append(b.contests, &contest{
		id: id, title: title, section: sectionCopies,
		goals: []goal{over(floor, "", "floor", goalCopyOverHand), ahead()},
		contenders: []contender{
			{name: "Stillwarm, plan", role: ours, loop: must(func() bool { return plan.Copy(p, &out, kept) == nil })},
			{name: "by hand", role: floor, loop: must(func() bool { out = hand(&v); return true })},
			{name: "huandu/go-clone", role: peer, lacks: "a cycle overflows the stack", loop: must(func() bool { out = clone.Clone(v).(T); return true })},
			{name: "tiendc/go-deepcopy", role: peer, lacks: "a cycle overflows the stack", loop: must(func() bool {
				var fresh T
				err := deepcopy.Copy(&fresh, &v)
				out = fresh
				return err == nil
			})},
		},
	})
}

// codecContests compare ways from a value to bytes and back.
func codecContests() ([]*contest, error) {
	b := &builder{}
	many := make([]hundredValue, 15)
	for i := range many {
		many[i] = newHundred()
	}
	addCodec(b, "flat", "flat struct", newFlat())
	addCodec(b, "100", "struct with 100 elements", newHundred())
	addCodec(b, "1500", "slice of 15 such", many)
	return b.contests, b.err
}

func addCodec[T any](b *builder, id, title string, v T) {
	codec, err := serialize.CodecFor(reflect.TypeFor[T]())
	if err != nil {
		b.err = err
		return
	}
	mine, err := codec.Append(nil, &v)
	if err != nil {
		b.err = err
		return
	}
	inCBOR, errCBOR := cbor.Marshal(&v)
	inJSON, errJSON := json.Marshal(&v)
	var inGob bytes.Buffer
	errGob := gob.NewEncoder(&inGob).Encode(&v)
	if errCBOR != nil || errJSON != nil || errGob != nil {
		b.err = fmt.Errorf("encoding: %w, %w, %w", errCBOR, errJSON, errGob)
		return
	}
	room := make([]byte, 0, 2*len(mine))
	title = fmt.Sprintf("%s, %d B encoded", title, len(mine))
	goals := []goal{over(peer, "fxamacker/cbor", "cbor", goalCodecOverCBOR), ahead()}
	b.contests = append(b.contests,
		&contest{id: "encode-" + id, title: "encode " + title, section: sectionCodec, goals: goals, contenders: []contender{
			{name: "Stillwarm, plan", role: ours, loop: must(func() bool { _, err := codec.Append(room, &v); return err == nil })},
			{name: "fxamacker/cbor", role: peer, loop: must(func() bool { _, err := cbor.Marshal(&v); return err == nil })},
			{name: "encoding/json", role: peer, loop: must(func() bool { _, err := json.Marshal(&v); return err == nil })},
			{name: "encoding/gob", role: peer, loop: must(func() bool { return gob.NewEncoder(&bytes.Buffer{}).Encode(&v) == nil })},
		}},
		&contest{id: "decode-" + id, title: "decode " + title, section: sectionCodec, goals: goals, contenders: []contender{
			{name: "Stillwarm, plan", role: ours, loop: must(func() bool { var out T; return codec.Decode(mine, &out) == nil })},
			{name: "fxamacker/cbor", role: peer, loop: must(func() bool { var out T; return cbor.Unmarshal(inCBOR, &out) == nil })},
			{name: "encoding/json", role: peer, loop: must(func() bool { var out T; return json.Unmarshal(inJSON, &out) == nil })},
			{name: "encoding/gob", role: peer, loop: must(func() bool { var out T; return gob.NewDecoder(bytes.NewReader(inGob.Bytes())).Decode(&out) == nil })},
		}})
}
