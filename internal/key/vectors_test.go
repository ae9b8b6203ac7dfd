package key

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"
)

// A vector is a value whose key must never change, unless Version does.
type vector struct {
	name   string
	encode func() ([]byte, [32]byte, error) // the encoding and the plan's fingerprint
}

func vectorOf[T any](name string, v T, hashers ...Hasher) vector {
	return vector{name, func() ([]byte, [32]byte, error) {
		p, err := Compile(reflect.TypeFor[T](), Options{Function: name, Hashers: hashers})
		if err != nil {
			return nil, [32]byte{}, err
		}
		b, err := Append(p, nil, &v)
		return b, p.Fingerprint(), err
	}}
}

type vectorStruct struct {
	ID    string `json:"id"`
	N     int
	Small uint8
	Rate  float64
	Live  bool
	Tags  []string
	Trace string `cache:"-"`
	Next  *vectorStruct
	Extra map[string]any
}

func vectors() []vector {
	ring := &node{Value: 1}
	ring.Next = &node{Value: 2, Next: ring}
	u, _ := url.Parse("https://user:pw@example.com/a%2Fb?q=1#f")
	at := time.Date(2026, 11, 22, 17, 0, 0, 123456789, time.UTC)
	return []vector{
		vectorOf("nothing", struct{}{}),
		vectorOf("int", 300), vectorOf("string", "käse"), vectorOf("float", math.Copysign(0, -1)), vectorOf("complex", complex64(1+2i)),
		vectorOf("struct", vectorStruct{ID: "a", N: -1, Small: 7, Rate: 0.1, Live: true, Tags: []string{"x", ""}, Trace: "t",
			Next: &vectorStruct{}, Extra: map[string]any{"b": []any{1, nil, "s"}, "a": int8(1)}}),
		vectorOf("map", map[string]int{"b": 2, "a": 1, "": 0}), vectorOf("cycle", ring),
		vectorOf("time in UTC", at), vectorOf("time in a fixed zone", at.In(time.FixedZone("CET", 3600))),
		vectorOf("json", json.RawMessage(`{"b": 1.50, "a": [9007199254740993]}`)), vectorOf("not json", json.RawMessage(`{`)),
		vectorOf("big integer", new(big.Int).Lsh(big.NewInt(-3), 100)), vectorOf("address", netip.MustParseAddr("fe80::1%eth0")), vectorOf("url", u),
		vectorOf[any]("in an interface", []any{21.5, map[string]int(nil)}),
		vectorOf("nil", [][]string{nil, {}, {""}}), vectorOf("nil maps", []map[int]int{nil, {}}), vectorOf("time in a zone", at.In(berlin())),
		vectorOf("structure", uuid{1, 2}), vectorOf("form and structure", byTextMarshaler{"a", "1"}),
		vectorOf("by hash function", session{ID: "a"}, bySession()),
	}
}

// berlin returns a zone with rules.
func berlin() *time.Location {
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return loc
}

func vectorText() (string, error) {
	var b strings.Builder
	var failed error
	for _, v := range vectors() {
		encoding, fingerprint, err := v.encode()
		failed = errors.Join(failed, err)
		prefix := NewPrefix("example.com/shop.quotes", string(fingerprint[:]))
		digest := prefix.Sum("tenant", encoding)
		fmt.Fprintf(&b, "%s\n\tencoding    %s\n\tfingerprint %s\n\tdigest      %s\n", v.name, hex.EncodeToString(encoding), hex.EncodeToString(fingerprint[:]), hex.EncodeToString(digest[:]))
	}
	return b.String(), failed
}

func TestVectors(t *testing.T) {
	text, err := vectorText()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "vectors.txt", fmt.Sprintf("version %d\n\n%s", Version, text))
}

const childVariable = "STILLWARM_KEY_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) == "" {
		os.Exit(m.Run())
	}
	text, err := vectorText()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(text)
}

func TestAnotherProcessMakesTheSameKeys(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Skip(err)
	}
	want, err := vectorText()
	if err != nil {
		t.Fatal(err)
	}
	for _, zone := range []string{"UTC", "Asia/Tokyo"} {
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), childVariable+"=1", "TZ="+zone)
		got, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("in %s:\n%s\nhere:\n%s", zone, got, want)
		}
	}
}
