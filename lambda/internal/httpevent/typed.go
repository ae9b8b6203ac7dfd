package httpevent

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// Of returns the event that a pointer to one of the events package's request types points to, and nil for any other type.
func Of(in any) *Event {
	var e *Event
	account := ""
	switch in := in.(type) {
	case *events.APIGatewayV2HTTPRequest:
		e, account = ofV2(in), in.RequestContext.AccountID
	case *events.LambdaFunctionURLRequest:
		e = ofURL(in)
	case *events.APIGatewayProxyRequest:
		e = ofREST(in)
	case *events.ALBTargetGroupRequest:
		e = &Event{
			Source: ALB, Method: in.HTTPMethod, Path: in.Path, Headers: in.Headers, MultiHeaders: in.MultiValueHeaders,
			Params: in.QueryStringParameters, MultiParams: in.MultiValueQueryStringParameters,
			Body: in.Body, Base64: in.IsBase64Encoded, APIID: in.RequestContext.ELB.TargetGroupArn,
		}
	default:
		return nil
	}
	e.settle(account)
	return e
}

func ofV2(in *events.APIGatewayV2HTTPRequest) *Event {
	c := &in.RequestContext
	e := &Event{
		Source: HTTPAPI, Method: c.HTTP.Method, Path: in.RawPath, Query: in.RawQueryString, Cookies: in.Cookies, Headers: in.Headers,
		Body: in.Body, Base64: in.IsBase64Encoded, StageVariables: in.StageVariables,
		Stage: c.Stage, APIID: c.APIID, Domain: c.DomainName, Route: in.RouteKey, SourceIP: c.HTTP.SourceIP,
	}
	id := &e.Identity
	if a := c.Authorizer; a != nil {
		id.Known = true
		if a.JWT != nil && len(a.JWT.Claims) > 0 {
			id.Claims = make(map[string]any, len(a.JWT.Claims))
			for name, v := range a.JWT.Claims {
				id.Claims[name] = v
			}
		}
		id.Context = a.Lambda
		if i := a.IAM; i != nil {
			id.iam(i.UserARN, i.UserID, i.CallerID, i.AccountID, i.AccessKey)
			id.Cognito = i.CognitoIdentity.IdentityID
		}
	}
	cert := c.Authentication.ClientCert
	id.cert(&wireCert{PEM: cert.ClientCertPem, Subject: cert.SubjectDN, Issuer: cert.IssuerDN, Serial: cert.SerialNumber})
	return e
}

func ofURL(in *events.LambdaFunctionURLRequest) *Event {
	c := &in.RequestContext
	e := &Event{
		Source: FunctionURL, Method: c.HTTP.Method, Path: in.RawPath, Query: in.RawQueryString, Cookies: in.Cookies, Headers: in.Headers,
		Body: in.Body, Base64: in.IsBase64Encoded, APIID: c.APIID, Domain: c.DomainName, SourceIP: c.HTTP.SourceIP,
	}
	if c.Authorizer != nil {
		e.Identity.Known = true
		if i := c.Authorizer.IAM; i != nil {
			e.Identity.iam(i.UserARN, i.UserID, i.CallerID, i.AccountID, i.AccessKey)
		}
	}
	return e
}

func ofREST(in *events.APIGatewayProxyRequest) *Event {
	c := &in.RequestContext
	e := &Event{
		Source: gatewayV1(c.ResourceID), Method: in.HTTPMethod, Path: in.Path, Headers: in.Headers, MultiHeaders: in.MultiValueHeaders,
		Params: in.QueryStringParameters, MultiParams: in.MultiValueQueryStringParameters,
		Body: in.Body, Base64: in.IsBase64Encoded, StageVariables: in.StageVariables,
		Stage: c.Stage, APIID: c.APIID, Domain: c.DomainName, Route: route(in.HTTPMethod, in.Resource), SourceIP: c.Identity.SourceIP,
	}
	wc := wireContext{Authorizer: c.Authorizer}
	i := &c.Identity
	wc.Identity = wireIdentity{
		AccountID: i.AccountID, CognitoIdentityID: i.CognitoIdentityID, CognitoProvider: i.CognitoAuthenticationProvider,
		Caller: i.Caller, APIKey: i.APIKey, APIKeyID: i.APIKeyID, AccessKey: i.AccessKey, UserARN: i.UserArn, User: i.User,
	}
	if i.ClientCert != nil {
		wc.Identity.ClientCert = &wireCert{
			PEM: i.ClientCert.ClientCertPem, Subject: i.ClientCert.SubjectDN, Issuer: i.ClientCert.IssuerDN, Serial: i.ClientCert.SerialNumber,
		}
	}
	e.Identity = wc.identity()
	return e
}

// Rewrite changes the fields of an event to those that a cache has changed on the way from before to after. in is a
// pointer to a copy of the user's event; its maps are replaced, not changed.
func Rewrite(in any, before, after http.Header) {
	if reflect.ValueOf(before).Pointer() == reflect.ValueOf(after).Pointer() {
		return // the request came through as it was
	}
	var changed []string
	for name, now := range after {
		if !slices.Equal(before[name], now) {
			changed = append(changed, name)
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			changed = append(changed, name)
		}
	}
	if len(changed) == 0 {
		return
	}
	switch in := in.(type) {
	case *events.APIGatewayV2HTTPRequest:
		in.Headers = rewrite(in.Headers, changed, after, strings.ToLower)
	case *events.LambdaFunctionURLRequest:
		in.Headers = rewrite(in.Headers, changed, after, strings.ToLower)
	case *events.APIGatewayProxyRequest:
		in.Headers = rewrite(in.Headers, changed, after, http.CanonicalHeaderKey)
		in.MultiValueHeaders = rewriteMulti(in.MultiValueHeaders, changed, after, http.CanonicalHeaderKey)
	case *events.ALBTargetGroupRequest:
		in.Headers = rewrite(in.Headers, changed, after, strings.ToLower)
		in.MultiValueHeaders = rewriteMulti(in.MultiValueHeaders, changed, after, strings.ToLower)
	}
}

func rewrite(old map[string]string, changed []string, now http.Header, spell func(string) string) map[string]string {
	if old == nil {
		return nil
	}
	fields := without(old, changed)
	for _, name := range changed {
		if values := now[name]; len(values) > 0 {
			fields[spell(name)] = strings.Join(values, ", ")
		}
	}
	return fields
}

func rewriteMulti(old map[string][]string, changed []string, now http.Header, spell func(string) string) map[string][]string {
	if old == nil {
		return nil
	}
	fields := without(old, changed)
	for _, name := range changed {
		if values := now[name]; len(values) > 0 {
			fields[spell(name)] = slices.Clone(values)
		}
	}
	return fields
}

// without returns a copy of the map without the names, in any case.
func without[V any](old map[string]V, names []string) map[string]V {
	fields := maps.Clone(old)
	for name := range old {
		if slices.Contains(names, http.CanonicalHeaderKey(name)) {
			delete(fields, name)
		}
	}
	return fields
}

// ResponseOf returns what a pointer to one of the events package's response types points to, and nil for any other type.
func ResponseOf(out any) *Response {
	switch out := out.(type) {
	case *events.APIGatewayV2HTTPResponse:
		return &Response{
			StatusCode: out.StatusCode, Headers: out.Headers, MultiHeaders: out.MultiValueHeaders, Cookies: out.Cookies,
			Body: out.Body, Base64: out.IsBase64Encoded,
		}
	case *events.LambdaFunctionURLResponse:
		return &Response{
			StatusCode: out.StatusCode, Headers: out.Headers, Cookies: out.Cookies, Body: out.Body, Base64: out.IsBase64Encoded,
		}
	case *events.APIGatewayProxyResponse:
		return &Response{
			StatusCode: out.StatusCode, Headers: out.Headers, MultiHeaders: out.MultiValueHeaders,
			Body: out.Body, Base64: out.IsBase64Encoded,
		}
	case *events.ALBTargetGroupResponse:
		return &Response{
			StatusCode: out.StatusCode, StatusDescription: out.StatusDescription, Headers: out.Headers, MultiHeaders: out.MultiValueHeaders,
			Body: out.Body, Base64: out.IsBase64Encoded,
		}
	}
	return nil
}

// Fill sets what a pointer to one of the events package's response types points to.
func (r *Response) Fill(out any) {
	switch out := out.(type) {
	case *events.APIGatewayV2HTTPResponse:
		*out = events.APIGatewayV2HTTPResponse{
			StatusCode: r.StatusCode, Headers: r.Headers, MultiValueHeaders: r.MultiHeaders, Cookies: r.Cookies,
			Body: r.Body, IsBase64Encoded: r.Base64,
		}
	case *events.LambdaFunctionURLResponse:
		*out = events.LambdaFunctionURLResponse{
			StatusCode: r.StatusCode, Headers: r.Headers, Cookies: r.Cookies, Body: r.Body, IsBase64Encoded: r.Base64,
		}
	case *events.APIGatewayProxyResponse:
		*out = events.APIGatewayProxyResponse{
			StatusCode: r.StatusCode, Headers: r.Headers, MultiValueHeaders: r.MultiHeaders, Body: r.Body, IsBase64Encoded: r.Base64,
		}
	case *events.ALBTargetGroupResponse:
		*out = events.ALBTargetGroupResponse{
			StatusCode: r.StatusCode, StatusDescription: r.StatusDescription, Headers: r.Headers, MultiValueHeaders: r.MultiHeaders,
			Body: r.Body, IsBase64Encoded: r.Base64,
		}
	}
}
