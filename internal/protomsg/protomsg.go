// Package protomsg reaches protobuf messages without importing the protobuf runtime.
//
// A program that uses protobuf messages links google.golang.org/protobuf already; one that does not should not pay for
// it in size, in cold start or in its go.sum. So this package finds the runtime's fast-path methods by reflection,
// through the message itself: ProtoReflect returns the reflective view, its ProtoMethods returns a struct of functions
// whose fields (Marshal, Unmarshal, CheckInitialized) are part of the runtime's compatibility promise between generated
// code and library.
package protomsg

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

const reflectPackage = "google.golang.org/protobuf/reflect/protoreflect"

// Flags that this package needs, as the runtime numbers them. Decoding lazily would keep the input and would report bad
// input only when a field is read, so it is off.
const (
	supportMarshalDeterministic = 1 << 0 // SupportFlags
	marshalDeterministic        = 1 << 0 // MarshalInputFlags
	unmarshalEagerly            = 1 << 4 // UnmarshalInputFlags: no lazy decoding
)

// recursionLimit is how deeply messages may be nested when decoding; it is the protobuf runtime's own default.
const recursionLimit = 10000

// Is reports whether t is the type of a protobuf message: a pointer to a generated struct. A struct that merely embeds
// a message is not one, although it has the message's methods: it would lose its other fields.
func Is(t reflect.Type) bool {
	if t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		return false
	}
	method, ok := t.MethodByName("ProtoReflect")
	if !ok || method.Type.NumIn() != 1 || method.Type.NumOut() != 1 {
		return false
	}
	out := method.Type.Out(0)
	if out.Kind() != reflect.Interface || out.PkgPath() != reflectPackage || out.Name() != "Message" {
		return false
	}
	elem := t.Elem()
	for i := range elem.NumField() {
		if f := elem.Field(i); f.Anonymous && hasProtoReflect(f.Type) {
			return false
		}
	}
	return true
}

const implementationPackage = "google.golang.org/protobuf/internal/impl"

// Generated reports whether t, a type that [Is] accepts, is a message as protoc-gen-go makes them: what it hides is the
// runtime's bookkeeping or part of the wire format. A struct that somebody wrote around a message may hide more than its
// wire format says.
func Generated(t reflect.Type) bool {
	elem, state := t.Elem(), false
	for i := range elem.NumField() {
		f := elem.Field(i)
		switch {
		case f.IsExported(), f.Name == "_":
		case f.Name == "state" && f.Type.PkgPath() == implementationPackage && f.Type.Name() == "MessageState":
			state = true
		case f.Name == "sizeCache", f.Name == "unknownFields", f.Name == "extensionFields", f.Name == "weakFields",
			strings.HasPrefix(f.Name, "xxx_hidden_"):
		default:
			return false
		}
	}
	return state
}

func hasProtoReflect(t reflect.Type) bool {
	if t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface {
		t = reflect.PointerTo(t)
	}
	_, ok := t.MethodByName("ProtoReflect")
	return ok
}

// AppendDeterministic appends the wire format of the message v, a value whose type [Is] accepts, to dst: the same bytes
// for equal messages within one build of the program. A nil message adds nothing, as an empty one does. It returns an
// error for a message whose runtime has no fast path, and for one that panics or misses required fields; the slice is then dst.
func AppendDeterministic(dst []byte, v reflect.Value) (out []byte, err error) {
	out = dst //nolint:wastedassign // what a panic leaves
	defer recoverInto(&err, v, "marshal")
	if v.IsNil() {
		return dst, nil
	}
	message, methods, err := open(v)
	if err != nil {
		return dst, err
	}
	if methods.FieldByName("Flags").Uint()&supportMarshalDeterministic == 0 {
		return dst, fmt.Errorf("protobuf: %s cannot be marshaled deterministically", v.Type())
	}
	if err := checkInitialized(v, message, methods); err != nil {
		return dst, err
	}
	input, call, err := prepare(methods, "Marshal", message)
	if err != nil {
		return dst, err
	}
	input.FieldByName("Buf").SetBytes(dst)
	input.FieldByName("Flags").SetUint(marshalDeterministic)
	results := call.Call([]reflect.Value{input})
	if err := asError(results[1]); err != nil {
		return dst, fmt.Errorf("protobuf: marshal %s: %w", v.Type(), err)
	}
	return results[0].FieldByName("Buf").Bytes(), nil
}

// Unmarshal merges the wire format in data into the message v, a non-nil pointer to an empty message whose type [Is]
// accepts. The message does not keep data. There is no way to hand the runtime its registry of extensions from here, so
// a message with extension fields set is refused with an error.
func Unmarshal(data []byte, v reflect.Value) (err error) {
	defer recoverInto(&err, v, "unmarshal")
	if v.IsNil() {
		return fmt.Errorf("protobuf: unmarshal into a nil %s", v.Type())
	}
	message, methods, err := open(v)
	if err != nil {
		return err
	}
	input, call, err := prepare(methods, "Unmarshal", message)
	if err != nil {
		return err
	}
	input.FieldByName("Buf").SetBytes(data)
	input.FieldByName("Depth").SetInt(recursionLimit)
	input.FieldByName("Flags").SetUint(unmarshalEagerly)
	if err := asError(call.Call([]reflect.Value{input})[1]); err != nil {
		return fmt.Errorf("protobuf: unmarshal %s: %w", v.Type(), err)
	}
	return checkInitialized(v, message, methods)
}

var errNoFastPath = errors.New("its protobuf runtime offers no methods to marshal it by")

// open returns the reflective view of the message and the struct of its methods.
func open(v reflect.Value) (message, methods reflect.Value, err error) {
	message = v.MethodByName("ProtoReflect").Call(nil)[0]
	protoMethods := message.MethodByName("ProtoMethods")
	if !protoMethods.IsValid() {
		return message, methods, fmt.Errorf("protobuf: %s: %w", v.Type(), errNoFastPath)
	}
	pointer := protoMethods.Call(nil)[0]
	if pointer.Kind() != reflect.Pointer || pointer.IsNil() {
		return message, methods, fmt.Errorf("protobuf: %s: %w", v.Type(), errNoFastPath)
	}
	return message, pointer.Elem(), nil
}

// prepare returns the function field called name and an input struct for it that holds the message.
func prepare(methods reflect.Value, name string, message reflect.Value) (input, call reflect.Value, err error) {
	call = methods.FieldByName(name)
	if !call.IsValid() || call.Kind() != reflect.Func || call.IsNil() {
		return input, call, fmt.Errorf("protobuf: %s: %w", name, errNoFastPath)
	}
	input = reflect.New(call.Type().In(0)).Elem()
	input.FieldByName("Message").Set(message)
	return input, call, nil
}

func checkInitialized(v, message, methods reflect.Value) error {
	if f := methods.FieldByName("CheckInitialized"); !f.IsValid() || f.IsNil() {
		return nil
	}
	input, call, err := prepare(methods, "CheckInitialized", message)
	if err != nil {
		return err
	}
	results := call.Call([]reflect.Value{input})
	if err := asError(results[len(results)-1]); err != nil {
		return fmt.Errorf("protobuf: %s: %w", v.Type(), err)
	}
	return nil
}

func asError(v reflect.Value) error {
	err, _ := v.Interface().(error)
	return err
}

func recoverInto(err *error, v reflect.Value, what string) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("protobuf: %s %s: panic: %v", what, v.Type(), r)
	}
}
