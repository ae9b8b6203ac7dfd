package funcurl

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Head is the status and the headers of a response.
type Head struct {
	Status int
	Header http.Header
}

// Response is a whole response for an HTTP client.
type Response struct {
	Head
	Body []byte
}

// ConversionError says why a function's answer is no HTTP response. The service answers 502 then.
type ConversionError struct {
	Reason string
	Takes  string // what the service takes; "": what a function URL does
}

func (e *ConversionError) Error() string {
	takes := e.Takes
	if takes == "" {
		takes = `{"statusCode": 200, "headers": {...}, "body": "..."} or any JSON without statusCode`
	}
	return "the function's answer is no HTTP response: " + e.Reason + "; answer " + takes
}

// answer is what a function says; the pointers tell what is absent from what is empty.
type answer struct {
	StatusCode      *json.RawMessage           `json:"statusCode"`
	Headers         map[string]json.RawMessage `json:"headers"`
	Cookies         []string                   `json:"cookies"`
	Body            json.RawMessage            `json:"body"`
	IsBase64Encoded bool                       `json:"isBase64Encoded"`
}

// Convert turns a function's buffered answer into a response. JSON without a statusCode is itself the body of a 200.
func Convert(payload []byte) (Response, error) {
	if !json.Valid(payload) {
		return Response{}, &ConversionError{Reason: fmt.Sprintf("it is not JSON (%d bytes)", len(payload))}
	}
	inferred := Response{Head: Head{http.StatusOK, http.Header{"Content-Type": {"application/json"}}}, Body: payload}
	if trimmed := bytes.TrimSpace(payload); trimmed[0] != '{' || !hasStatus(trimmed) {
		return inferred, nil
	}
	var a answer
	if err := json.Unmarshal(payload, &a); err != nil {
		return Response{}, &ConversionError{Reason: err.Error()}
	}
	head, err := a.head()
	if err != nil {
		return Response{}, err
	}
	body, err := a.body()
	if err != nil {
		return Response{}, err
	}
	return Response{head, body}, nil
}

// hasStatus reports whether a JSON object has a statusCode, spelled exactly so.
func hasStatus(object []byte) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal(object, &members) != nil {
		return false
	}
	status, ok := members["statusCode"]
	return ok && string(status) != "null"
}

func (a answer) head() (Head, error) {
	h := Head{http.StatusOK, http.Header{}}
	if a.StatusCode != nil {
		status, err := strconv.Atoi(strings.Trim(string(*a.StatusCode), `"`))
		if err != nil || status < 200 || status > 599 {
			return h, &ConversionError{Reason: fmt.Sprintf("statusCode is %.40s, not a number from 200 to 599", *a.StatusCode)}
		}
		h.Status = status
	}
	for _, name := range slices.Sorted(maps.Keys(a.Headers)) { // of spellings of one name always the same counts
		raw := a.Headers[name]
		value := string(raw) // a number or a bool stands as it is written
		if value == "null" {
			continue
		}
		if err := json.Unmarshal(raw, &value); err != nil && (raw[0] == '{' || raw[0] == '[') {
			return h, &ConversionError{Reason: fmt.Sprintf("header %q is not a string; join several values by commas", name)}
		}
		if err := CheckHeader(name, value); err != nil {
			return h, err
		}
		if !Dropped(name) {
			h.Header.Set(name, value)
		}
	}
	for _, cookie := range a.Cookies {
		if err := CheckHeader("Set-Cookie", cookie); err != nil {
			return h, err
		}
		h.Header.Add("Set-Cookie", cookie)
	}
	if h.Header.Get("Content-Type") == "" {
		h.Header.Set("Content-Type", "application/json")
	}
	return h, nil
}

func (a answer) body() ([]byte, error) {
	if len(a.Body) == 0 || string(a.Body) == "null" {
		return nil, nil
	}
	var text string
	if err := json.Unmarshal(a.Body, &text); err != nil {
		return nil, &ConversionError{Reason: "its body is not a string; encode it as JSON text first"}
	}
	if !a.IsBase64Encoded {
		return []byte(text), nil
	}
	body, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, &ConversionError{Reason: "isBase64Encoded is true, but the body is not base64: " + err.Error()}
	}
	return body, nil
}

// Dropped names the headers that belong to the connection, which the service sets by itself.
func Dropped(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Connection", "Content-Length", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// CheckHeader refuses what would not survive on the wire.
func CheckHeader(name, value string) error {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	}) {
		return &ConversionError{Reason: fmt.Sprintf("%q is no name of a header", name)}
	}
	if strings.ContainsFunc(value, func(r rune) bool { return (r < ' ' && r != '\t') || r == 0x7f }) {
		return &ConversionError{Reason: fmt.Sprintf("header %q has a control character in it", name)}
	}
	return nil
}
