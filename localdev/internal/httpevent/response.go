package httpevent

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/stillwarm/stillwarm/localdev/internal/funcurl"
)

// rules are what a service asks of an answer.
type rules struct {
	needStatus    bool
	single, multi bool // which of the two kinds of headers count
	contentType   string
}

// answer is what a function says; the pointers tell what is absent from what is empty.
type answer struct {
	StatusCode        json.RawMessage              `json:"statusCode"`
	Headers           map[string]json.RawMessage   `json:"headers"`
	MultiValueHeaders map[string][]json.RawMessage `json:"multiValueHeaders"`
	Body              json.RawMessage              `json:"body"`
	IsBase64Encoded   bool                         `json:"isBase64Encoded"`
}

func refuse(format string, args ...any) error {
	return &funcurl.ConversionError{Reason: fmt.Sprintf(format, args...)}
}

func convert(payload []byte, rules rules) (funcurl.Response, error) {
	r, err := rules.response(payload)
	if bad, ok := errors.AsType[*funcurl.ConversionError](err); ok {
		bad.Takes = `{"statusCode": 200, "headers": {...}, "body": "..."}`
		if !rules.single {
			bad.Takes = `{"statusCode": 200, "multiValueHeaders": {"Content-Type": [...]}, "body": "..."}`
		}
	}
	return r, err
}

func (rules rules) response(payload []byte) (funcurl.Response, error) {
	var a answer
	if trimmed := bytes.TrimSpace(payload); len(trimmed) == 0 || trimmed[0] != '{' {
		return funcurl.Response{}, refuse("it is not a JSON object with a statusCode")
	}
	if err := json.Unmarshal(payload, &a); err != nil {
		return funcurl.Response{}, refuse("%v", err)
	}
	head, err := a.head(rules)
	if err != nil {
		return funcurl.Response{}, err
	}
	body, err := a.body()
	return funcurl.Response{Head: head, Body: body}, err
}

func (a answer) head(rules rules) (funcurl.Head, error) {
	h := funcurl.Head{Header: http.Header{}}
	status, err := strconv.Atoi(strings.Trim(string(a.StatusCode), `"`))
	switch {
	case len(a.StatusCode) == 0:
		return h, refuse("it has no statusCode")
	case err != nil || status < 100 || status > 599:
		return h, refuse("statusCode is %.40s, not a number from 200 to 599", a.StatusCode)
	case status < 200:
		return h, refuse("statusCode is %d: only a final status can be answered", status)
	}
	h.Status = status
	if !rules.single && len(a.Headers) > 0 && len(a.MultiValueHeaders) == 0 {
		return h, refuse("it has headers, and the target group takes multiValueHeaders")
	}
	if !rules.multi && len(a.MultiValueHeaders) > 0 && len(a.Headers) == 0 {
		return h, refuse("it has multiValueHeaders, and the target group takes headers; set --event alb-multi for the other kind")
	}
	if rules.single { // spellings of one name in upper and lower case are lines of their own
		lines := map[string][]json.RawMessage{}
		for _, name := range slices.Sorted(maps.Keys(a.Headers)) {
			canonical := http.CanonicalHeaderKey(name)
			lines[canonical] = append(lines[canonical], a.Headers[name])
		}
		for name, values := range lines {
			if err := set(h.Header, name, values); err != nil {
				return h, err
			}
		}
	}
	if rules.multi { // they win where both name a field
		for name, values := range a.MultiValueHeaders {
			if err := set(h.Header, name, values); err != nil {
				return h, err
			}
		}
	}
	if h.Header.Get("Content-Type") == "" {
		h.Header.Set("Content-Type", rules.contentType)
	}
	return h, nil
}

// set replaces a field by the values.
func set(h http.Header, name string, values []json.RawMessage) error {
	if funcurl.Dropped(name) {
		return nil
	}
	var texts []string
	for _, raw := range values {
		text := string(raw) // a number or a bool stands as it is written
		if text == "null" {
			continue
		}
		if err := json.Unmarshal(raw, &text); err != nil && (raw[0] == '{' || raw[0] == '[') {
			return refuse("header %q is not a string", name)
		}
		if err := funcurl.CheckHeader(name, text); err != nil {
			return err
		}
		texts = append(texts, text)
	}
	if len(texts) > 0 {
		h[http.CanonicalHeaderKey(name)] = texts
	}
	return nil
}

func (a answer) body() ([]byte, error) {
	if len(a.Body) == 0 || string(a.Body) == "null" {
		return nil, nil
	}
	var text string
	if err := json.Unmarshal(a.Body, &text); err != nil {
		return nil, refuse("its body is not a string; encode it as JSON text first")
	}
	if !a.IsBase64Encoded {
		return []byte(text), nil
	}
	body, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, refuse("isBase64Encoded is true, but the body is not base64: %v", err)
	}
	return body, nil
}
