package httpevent

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

// Source is the service, and the payload, that an event comes from.
type Source uint8

// The sources.
const (
	Unknown     Source = iota
	HTTPAPI            // API Gateway, HTTP API, payload 2.0
	FunctionURL        // payload 2.0
	REST               // API Gateway, REST API
	HTTPAPIv1          // API Gateway, HTTP API, payload 1.0
	ALB                // Application Load Balancer
)

// String returns the service's name.
func (s Source) String() string {
	names := [...]string{"unknown", "HTTP API", "function URL", "REST API", "HTTP API (payload 1.0)", "load balancer"}
	return names[min(int(s), len(names)-1)]
}

// api names an API in a key. What a path means depends on the source.
func (e *Event) api() string {
	kinds := [...]string{"", "http:", "url:", "rest:", "v1:", "alb:"}
	return kinds[min(int(e.Source), len(kinds)-1)] + e.APIID
}

// list reports whether the payload has cookies of its own and joins other values by commas.
func (s Source) list() bool { return s == HTTPAPI || s == FunctionURL }

// decodes reports whether the service decodes the path.
func (s Source) decodes() bool { return s == HTTPAPI || s == HTTPAPIv1 }

// Event is an HTTP request as one of the services delivers it. The maps and slices may be those of the user's event: they
// are not changed.
type Event struct {
	Source Source
	Method string
	Path   string // as delivered
	Query  string // as delivered; payload 2.0 only

	Headers      map[string]string
	MultiHeaders map[string][]string
	Cookies      []string // payload 2.0 only
	Params       map[string]string
	MultiParams  map[string][]string

	Body   string
	Base64 bool

	Stage, APIID, Domain, Route, SourceIP string
	StageVariables                        map[string]string
	Identity                              Identity

	respelled bool // a field has its name in several spellings
}

// Streams reports whether the source may take an answer as it comes.
func (e *Event) Streams() bool { return e.Source == FunctionURL || e.Source == REST }

// multi reports whether a load balancer wants its answer in multi-value maps.
func (e *Event) multi() bool { return e.Source == ALB && e.MultiHeaders != nil }

// MalformedError says that an event is not a request that HTTP knows.
type MalformedError struct {
	Source Source
	Reason string
}

// Error implements error.
func (e *MalformedError) Error() string {
	if e.Source == Unknown {
		return "not an HTTP event: " + e.Reason
	}
	return fmt.Sprintf("malformed event (%s): %s", e.Source, e.Reason)
}

func (e *Event) malformed(format string, args ...any) error {
	return &MalformedError{Source: e.Source, Reason: fmt.Sprintf(format, args...)}
}

// bytes returns the body as the client sent it.
func (e *Event) bytes() ([]byte, error) {
	if !e.Base64 {
		return []byte(e.Body), nil
	}
	b, err := base64.StdEncoding.DecodeString(e.Body)
	if err != nil {
		return nil, e.malformed("the body is not base64: %v", err)
	}
	return b, nil
}

// wire is the union of the payloads.
type wire struct {
	Version         string              `json:"version"`
	RouteKey        string              `json:"routeKey"`
	RawPath         *string             `json:"rawPath"`
	RawQueryString  string              `json:"rawQueryString"`
	Cookies         []string            `json:"cookies"`
	Resource        string              `json:"resource"`
	Path            string              `json:"path"`
	HTTPMethod      string              `json:"httpMethod"`
	Headers         map[string]string   `json:"headers"`
	MultiHeaders    map[string][]string `json:"multiValueHeaders"`
	Params          map[string]string   `json:"queryStringParameters"`
	MultiParams     map[string][]string `json:"multiValueQueryStringParameters"`
	StageVariables  map[string]string   `json:"stageVariables"`
	Body            string              `json:"body"`
	IsBase64Encoded bool                `json:"isBase64Encoded"`
	Context         wireContext         `json:"requestContext"`
}

type wireContext struct {
	AccountID  string         `json:"accountId"`
	Stage      string         `json:"stage"`
	APIID      string         `json:"apiId"`
	Domain     string         `json:"domainName"`
	ResourceID string         `json:"resourceId"`
	Authorizer map[string]any `json:"authorizer"`
	Identity   wireIdentity   `json:"identity"`
	HTTP       struct {
		Method   string `json:"method"`
		SourceIP string `json:"sourceIp"`
	} `json:"http"`
	Authentication struct {
		ClientCert *wireCert `json:"clientCert"`
	} `json:"authentication"`
	ELB *struct {
		TargetGroup string `json:"targetGroupArn"`
	} `json:"elb"`
}

type wireIdentity struct {
	AccountID         string    `json:"accountId"`
	CognitoIdentityID string    `json:"cognitoIdentityId"`
	CognitoProvider   string    `json:"cognitoAuthenticationProvider"`
	Caller            string    `json:"caller"`
	APIKey            string    `json:"apiKey"`
	APIKeyID          string    `json:"apiKeyId"`
	AccessKey         string    `json:"accessKey"`
	SourceIP          string    `json:"sourceIp"`
	UserARN           string    `json:"userArn"`
	User              string    `json:"user"`
	ClientCert        *wireCert `json:"clientCert"`
}

type wireCert struct {
	PEM     string `json:"clientCertPem"`
	Subject string `json:"subjectDN"`
	Issuer  string `json:"issuerDN"`
	Serial  string `json:"serialNumber"`
}

// Parse reads an event of any of the services.
func Parse(payload []byte) (*Event, error) {
	var w wire
	if err := json.Unmarshal(payload, &w); err != nil {
		return nil, &MalformedError{Reason: err.Error()}
	}
	e := &Event{
		Headers: w.Headers, MultiHeaders: w.MultiHeaders, Params: w.Params, MultiParams: w.MultiParams,
		Body: w.Body, Base64: w.IsBase64Encoded,
		Stage: w.Context.Stage, StageVariables: w.StageVariables, APIID: w.Context.APIID, Domain: w.Context.Domain,
		Identity: w.Context.identity(),
	}
	switch {
	case w.Context.ELB != nil:
		e.Source, e.Method, e.Path, e.APIID = ALB, w.HTTPMethod, w.Path, w.Context.ELB.TargetGroup
	case w.RawPath != nil && w.Context.HTTP.Method != "":
		e.Source, e.Method, e.Path, e.Query, e.Cookies = HTTPAPI, w.Context.HTTP.Method, *w.RawPath, w.RawQueryString, w.Cookies
		e.SourceIP, e.Route = w.Context.HTTP.SourceIP, w.RouteKey
		e.Params = nil // the query string says more
		e.Identity.Known = e.Identity.Known || w.Context.Authorizer != nil
	case w.HTTPMethod != "" && w.Path != "":
		e.Source, e.Method, e.Path = gatewayV1(w.Context.ResourceID), w.HTTPMethod, w.Path
		e.SourceIP, e.Route = w.Context.Identity.SourceIP, route(w.HTTPMethod, w.Resource)
	default:
		return nil, &MalformedError{Reason: "it is no request of an API, a function URL or a load balancer"}
	}
	e.settle(w.Context.AccountID)
	return e, nil
}

// gatewayV1 tells the two senders of payload 1.0 apart: a REST API names a resource by a short id, an HTTP API by nothing or by
// a route.
func gatewayV1(resourceID string) Source {
	if resourceID == "" || strings.ContainsAny(resourceID, " $/") {
		return HTTPAPIv1
	}
	return REST
}

func route(method, resource string) string {
	if resource == "" {
		return ""
	}
	return method + " " + resource
}

// settle makes the fields of events of one source, decoded into different types, the same. A function URL is known by its domain; one
// that anybody may call, and the local runner, also by an account that no API has.
func (e *Event) settle(account string) {
	if e.Source == HTTPAPI && (strings.Contains(e.Domain, ".lambda-url.") || account == "anonymous") {
		e.Source = FunctionURL
	}
	if e.Source == FunctionURL && e.Stage == "$default" {
		e.Stage = "" // as the URL's own type has it
	}
	if strings.HasSuffix(e.Route, "$default") {
		e.Route = ""
	}
}
