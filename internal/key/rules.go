package key

import (
	"context"
	"io"
	"os"
	"reflect"
	"time"
)

type ruleName uint8

const (
	ruleKind    ruleName = iota // by its kind
	ruleUser                    // by a user's hash function
	ruleTime                    // time.Time
	ruleJSON                    // json.RawMessage
	ruleFile                    // os.File
	ruleFields                  // by fields that this package knows
	ruleForm                    // by its own canonical form
	ruleRefused                 // not at all
)

// A rule is how values of a type are hashed.
type rule struct {
	kind   ruleName
	hasher int
	form   formKind
	fields []string
	reason string
}

var (
	typeTime    = reflect.TypeFor[time.Time]()
	typeFile    = reflect.TypeFor[os.File]()
	typeContext = reflect.TypeFor[context.Context]()
	typeReader  = reflect.TypeFor[io.Reader]()
)

// knownFields are types whose own marshalers say less than what tells them apart: two URLs that are written alike may
// differ in their parts, and a regular expression's text does not tell POSIX from Perl nor longest from first match.
var knownFields = map[string][]string{
	"net/url.URL": {"Scheme", "Opaque", "User", "Host", "Path", "Fragment", "RawQuery", "RawPath", "RawFragment",
		"ForceQuery", "OmitHost"},
	"net/url.Userinfo": {"username", "password", "passwordSet"},
	"regexp.Regexp":    {"expr", "prog", "longest"},
}

// rule returns how values of type t are hashed. A user's hash function comes first, then what this package knows, then
// what the type says of itself, then what can only be wrong.
func (fam *family) rule(t reflect.Type) rule {
	if i := fam.hasher(t); i >= 0 {
		return rule{kind: ruleUser, hasher: i}
	}
	switch t {
	case typeTime:
		return rule{kind: ruleTime}
	case typeFile:
		return rule{kind: ruleFile}
	}
	if t.Name() != "" && t.PkgPath() != "" {
		if r, ok := knownRule(t); ok {
			return r
		}
	}
	if t.Kind() == reflect.Interface {
		return fam.interfaceRule(t)
	}
	if t.Kind() == reflect.Pointer {
		return rule{kind: ruleKind} // decided by what it points to
	}
	if f := formOf(t); f != formNone {
		return rule{kind: ruleForm, form: f}
	}
	if reason := refused(t); reason != "" {
		return rule{kind: ruleRefused, reason: reason}
	}
	if fam.inside && t.Kind() == reflect.Uintptr && !fam.options.AllowAddresses {
		return rule{kind: ruleRefused, reason: addressReason(t)}
	}
	return rule{kind: ruleKind}
}

func knownRule(t reflect.Type) (rule, bool) {
	name := t.PkgPath() + "." + t.Name()
	switch name {
	case "encoding/json.RawMessage", "encoding/json/jsontext.Value":
		return rule{kind: ruleJSON}, true
	}
	fields, ok := knownFields[name]
	if !ok {
		return rule{}, false
	}
	count := 0
	for _, f := range fields {
		if _, ok := t.FieldByName(f); !ok {
			// Another release of Go has other fields. Guessing might lose what tells values apart.
			return rule{kind: ruleRefused, reason: "its fields are not those that this version of the library knows"}, true
		}
		count++
	}
	if name == "net/url.URL" && count != t.NumField() {
		return rule{kind: ruleRefused, reason: "it has fields that this version of the library does not know"}, true
	}
	return rule{kind: ruleFields, fields: fields}, true
}

const (
	reasonContext = "a context belongs to one call and never to what a result depends on; pass it as the function's first parameter"
	reasonReader  = "a reader's content is known only by consuming it; read it first and pass the bytes"
	reasonFunc    = "two functions cannot be compared"
	reasonChan    = "a channel has no content that could identify it"
	reasonPointer = "an unsafe.Pointer does not say what it points to"
)

// refused returns why values of type t cannot be hashed, or "".
func refused(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Func:
		return reasonFunc
	case reflect.Chan:
		return reasonChan
	case reflect.UnsafePointer:
		return reasonPointer
	}
	switch {
	case implements(t, typeContext):
		return reasonContext
	case own(t, typeReader):
		return reasonReader
	}
	return ""
}

// interfaceRule refuses interfaces whose every implementation is refused, unless there is a hash function for one.
func (fam *family) interfaceRule(t reflect.Type) rule {
	var reason string
	switch {
	case t.Implements(typeContext):
		reason = reasonContext
	case t.Implements(typeReader):
		reason = reasonReader
	default:
		return rule{kind: ruleKind}
	}
	for i, h := range fam.options.Hashers {
		if !fam.off[i] && (h.Type == nil || h.Type.Implements(t)) {
			return rule{kind: ruleKind}
		}
	}
	return rule{kind: ruleRefused, reason: reason}
}
