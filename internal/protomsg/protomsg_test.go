package protomsg

import (
	"reflect"
	"testing"
)

// Message has the name of the runtime's interface, but is not from its package.
type Message interface{ ProtoMethods() *struct{} }

type impostor struct{}

func (*impostor) ProtoReflect() Message { return nil }

type other struct{}

func (*other) ProtoReflect(int) {}

// The real runtime is tested against in the tests module; here is what must not be taken for a message.
func TestOtherTypesAreNotMessages(t *testing.T) {
	for _, typ := range []reflect.Type{
		reflect.TypeFor[int](), reflect.TypeFor[*int](), reflect.TypeFor[struct{}](), reflect.TypeFor[*struct{}](),
		reflect.TypeFor[*impostor](), reflect.TypeFor[*other](), reflect.TypeFor[Message](), reflect.TypeFor[error](),
	} {
		t.Run(typ.String(), func(t *testing.T) {
			if Is(typ) {
				t.Error("taken for a message")
			}
		})
	}
}

func TestWhatIsNoMessageIsAnErrorNotAPanic(t *testing.T) {
	for _, v := range []any{&impostor{}, &other{}, new(int), 7} {
		if out, err := AppendDeterministic([]byte("x"), reflect.ValueOf(v)); err == nil || string(out) != "x" {
			t.Errorf("%T: %q, %v", v, out, err)
		}
		if err := Unmarshal(nil, reflect.ValueOf(v)); err == nil {
			t.Errorf("%T: unmarshaled", v)
		}
	}
	if err := Unmarshal(nil, reflect.ValueOf((*impostor)(nil))); err == nil {
		t.Error("unmarshaled into nil")
	}
}
