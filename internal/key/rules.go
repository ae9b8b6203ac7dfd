package key

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"reflect"
	"time"

	"github.com/stillwarm/stillwarm/internal/protomsg"
)

type ruleName uint8

const (
	ruleKind    ruleName = iota // by its kind: the structure is the key
	ruleUser                    // by a user's hash function
	ruleTime                    // time.Time, and types whose underlying type it is
	ruleZone                    // time.Location; only beside a form
	ruleJSON                    // json.RawMessage by its canonical form
	ruleFile                    // os.File
	ruleFields                  // by fields that this package knows
	ruleForm                    // by its own canonical form, and by its structure beside it
	ruleSkipped                 // not at all, for a form speaks for it; only beside a form
	ruleEmpty                   // it has no content; only beside a form
	ruleRefused                 // not at all
)

// A rule is how values of a type are hashed.
type rule struct {
	kind   ruleName
	hasher int
	form   formKind
	beside bool // the structure is encoded beside the form
	open   bool // the form is needed only where an interface turns out to hold what structure cannot show
	fields []string
	reason string
	data   bool // what is refused is data like any other: it may decide the answer
}

var (
	typeTime     = reflect.TypeFor[time.Time]()
	typeLocation = reflect.TypeFor[time.Location]()
	typeFile     = reflect.TypeFor[os.File]()
	typeContext  = reflect.TypeFor[context.Context]()
	typeReader   = reflect.TypeFor[io.Reader]()
	typeRawJSON  = reflect.TypeFor[json.RawMessage]()
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
// structure where it says everything, then what the type says of itself, then what can only be wrong.
func (fam *family) rule(t reflect.Type) rule {
	if r, ok := fam.rules.Load(t); ok {
		return r.(rule)
	}
	r := fam.findRule(t)
	fam.rules.Store(t, r)
	return r
}

func (fam *family) findRule(t reflect.Type) rule {
	if i := fam.hasher(t); i >= 0 {
		return rule{kind: ruleUser, hasher: i}
	}
	switch {
	case t == typeTime, t.Kind() == reflect.Struct && t.ConvertibleTo(typeTime):
		return rule{kind: ruleTime}
	case t == typeFile:
		return rule{kind: ruleFile}
	case fam.options.CanonicalJSON && isRawJSON(t):
		return rule{kind: ruleJSON}
	}
	if t.Name() != "" && t.PkgPath() != "" {
		if r, ok := knownRule(t); ok {
			return r
		}
	}
	switch t.Kind() {
	case reflect.Interface:
		return fam.interfaceRule(t)
	case reflect.Pointer:
		return rule{kind: ruleKind} // decided by what it points to
	}
	if f := formOf(t); f != formNone {
		return fam.formRule(t, f)
	}
	if reason := refused(t); reason != "" {
		return rule{kind: ruleRefused, reason: reason, data: reason == reasonReader}
	}
	if fam.inside && t.Kind() == reflect.Uintptr && !fam.options.AllowAddresses {
		return rule{kind: ruleRefused, reason: addressReason(t)}
	}
	return rule{kind: ruleKind}
}

// formRule is for a type with a canonical form. The form may say less than the value: a secret prints as "[REDACTED]", a
// price is rounded. So it is never the whole key, unless this package knows that it says everything.
func (fam *family) formRule(t reflect.Type, form formKind) rule {
	if form == formGob || t.PkgPath() == "net/netip" || form == formProto && protomsg.Generated(reflect.PointerTo(t)) {
		return rule{kind: ruleForm, form: form}
	}
	switch fam.shown(t) {
	case shownAll:
		return rule{kind: ruleKind}
	case shownPerhaps:
		return rule{kind: ruleForm, form: form, beside: true, open: true}
	}
	return rule{kind: ruleForm, form: form, beside: true}
}

func isRawJSON(t reflect.Type) bool {
	return t == typeRawJSON || t.PkgPath() == "encoding/json/jsontext" && t.Name() == "Value"
}

func knownRule(t reflect.Type) (rule, bool) {
	name := t.PkgPath() + "." + t.Name()
	fields, ok := knownFields[name]
	if !ok {
		return rule{}, false
	}
	count := 0
	for _, f := range fields {
		if _, ok := t.FieldByName(f); !ok {
			// Another release of Go has other fields. Guessing might lose what tells values apart.
			return rule{kind: ruleRefused, reason: "its fields are not those that this version of the library knows", data: true}, true
		}
		count++
	}
	if name == "net/url.URL" && count != t.NumField() {
		return rule{kind: ruleRefused, reason: "it has fields that this version of the library does not know", data: true}, true
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
	r := rule{kind: ruleRefused}
	switch {
	case t.Implements(typeContext):
		r.reason = reasonContext
	case t.Implements(typeReader):
		r.reason, r.data = reasonReader, true
	default:
		return rule{kind: ruleKind}
	}
	if fam.inside {
		return r
	}
	for _, h := range fam.options.Hashers {
		if h.Type == nil || h.Type.Implements(t) {
			return rule{kind: ruleKind}
		}
	}
	return r
}
