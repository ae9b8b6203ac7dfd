package protobuf

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/stillwarm/stillwarm/serialize"
)

type report struct {
	Title string
	Made  *timestamppb.Timestamp
	Body  map[string]*structpb.Struct
	None  *durationpb.Duration
}

// named embeds a message: the message's methods know nothing of Name.
type named struct {
	*timestamppb.Timestamp
	Name string
}

func codecFor[T any](t *testing.T) *serialize.Codec {
	t.Helper()
	codec, err := serialize.CodecFor(reflect.TypeFor[T]())
	if err != nil {
		t.Fatal(err)
	}
	return codec
}

func roundTrip[T any](t *testing.T, in T) (out T) {
	t.Helper()
	codec := codecFor[T](t)
	data, err := codec.Append(nil, &in)
	if err != nil {
		t.Fatal(err)
	}
	if err := codec.Decode(data, &out); err != nil {
		t.Fatal(err)
	}
	clear(data)
	return out
}

func body(t *testing.T) *structpb.Struct {
	t.Helper()
	s, err := structpb.NewStruct(map[string]any{"a": 1.5, "b": []any{"x", nil, true}, "c": map[string]any{"d": "e"}, "z": "\u00e9"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMessagesComeBackEqual(t *testing.T) {
	t.Run("alone", func(t *testing.T) {
		in := body(t)
		if out := roundTrip(t, in); !proto.Equal(in, out) {
			t.Errorf("in %v, out %v", in, out)
		}
		if id := codecFor[*structpb.Struct](t).ID(); id != serialize.EncodingProtobuf {
			t.Errorf("encoding %d", id)
		}
	})
	t.Run("nil and empty differ", func(t *testing.T) {
		if out := roundTrip(t, (*structpb.Struct)(nil)); out != nil {
			t.Errorf("nil became %v", out)
		}
		if out := roundTrip(t, &structpb.Struct{}); out == nil || len(out.Fields) != 0 {
			t.Errorf("empty became %v", out)
		}
	})
	t.Run("within a struct", func(t *testing.T) {
		in := report{"t", timestamppb.New(time.Unix(1, 2)), map[string]*structpb.Struct{"x": body(t), "nil": nil}, nil}
		out := roundTrip(t, in)
		if out.Title != "t" || !proto.Equal(in.Made, out.Made) || !proto.Equal(in.Body["x"], out.Body["x"]) ||
			out.Body["nil"] != nil || len(out.Body) != 2 || out.None != nil {
			t.Errorf("out %+v", out)
		}
	})
	t.Run("unknown fields are kept", func(t *testing.T) {
		in := durationpb.New(time.Second)
		in.ProtoReflect().SetUnknown(protoreflect.RawFields{0xa0, 0x06, 0x01})
		if out := roundTrip(t, in); !proto.Equal(in, out) || len(out.ProtoReflect().GetUnknown()) != 3 {
			t.Errorf("out %v", out)
		}
	})
	t.Run("an embedded message does not drop the fields beside it", func(t *testing.T) {
		out := roundTrip(t, &named{timestamppb.New(time.Unix(5, 0)), "n"})
		if out.Name != "n" || out.Seconds != 5 {
			t.Errorf("out %+v", out)
		}
	})
	t.Run("a large message", func(t *testing.T) {
		in := protodescOf(t)
		if out := roundTrip(t, in); !proto.Equal(in, out) {
			t.Error("it differs")
		}
	})
}

func protodescOf(t *testing.T) *descriptorpb.DescriptorProto {
	t.Helper()
	in := &descriptorpb.DescriptorProto{Name: proto.String("m")}
	for range 500 {
		in.Field = append(in.Field, &descriptorpb.FieldDescriptorProto{Name: proto.String(strings.Repeat("n", 50))})
	}
	return in
}

func TestEqualMessagesEncodeEqually(t *testing.T) {
	codec := codecFor[*structpb.Struct](t)
	var first []byte
	for range 20 {
		in := body(t)
		data, err := codec.Append(nil, &in)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = data
		} else if !bytes.Equal(first, data) {
			t.Fatal("two encodings of equal messages differ")
		}
	}
}

func TestMessagesThatCannotBeRestoredAreRefused(t *testing.T) {
	t.Run("by value", func(t *testing.T) {
		_, err := serialize.CodecFor(reflect.TypeFor[struct{ At timestamppb.Timestamp }]())
		if err == nil || !strings.Contains(err.Error(), "use *timestamppb.Timestamp") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a required field is missing", func(t *testing.T) {
		in := &descriptorpb.UninterpretedOption_NamePart{}
		if _, err := codecFor[*descriptorpb.UninterpretedOption_NamePart](t).Append(nil, &in); err == nil {
			t.Error("it was encoded")
		}
	})
	t.Run("a string that is not UTF-8", func(t *testing.T) {
		in := structpb.NewStringValue("\xff")
		if _, err := codecFor[*structpb.Value](t).Append(nil, &in); err == nil {
			t.Error("it was encoded")
		}
	})
	t.Run("a message without a type of its own", func(t *testing.T) {
		in := dynamicpb.NewMessage(timestamppb.New(time.Unix(1, 0)).ProtoReflect().Descriptor())
		codec, err := serialize.CodecFor(reflect.TypeFor[*dynamicpb.Message]())
		if err != nil {
			return
		}
		if _, err := codec.Append(nil, &in); err == nil {
			t.Error("it was encoded")
		}
	})
}

func TestBytesThatAreNoMessageAreErrors(t *testing.T) {
	codec := codecFor[*structpb.Struct](t)
	in := body(t)
	data, err := codec.Append(nil, &in)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][]byte{{0}, {9, 1, 2}, {1, 0xff}, data[:len(data)-1]} {
		var out *structpb.Struct
		if err := codec.Decode(bad, &out); err == nil {
			t.Errorf("% x decoded to %v", bad, out)
		}
	}
}
