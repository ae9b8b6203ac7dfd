package httpevent

import (
	"encoding/json"
	"mime"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/localdev/internal/funcurl"
)

const (
	stage    = "local"
	resource = "/{proxy+}"
	account  = "000000000000"
)

// restEvent makes the event of a REST API with a proxy resource: the path encoded as it was sent and without the stage,
// query values decoded, every map twice. Bodies that are not text are base64, as where the API names their type as binary.
func restEvent(r Request) ([]byte, error) {
	path := escapedPath(r.Request)
	h := fields(r)
	single := map[string]string{}
	for name, values := range h {
		single[name] = values[len(values)-1]
	}
	var query map[string]string
	var multi map[string][]string
	for _, p := range parameters(r.URL.RawQuery) {
		if query == nil {
			query, multi = map[string]string{}, map[string][]string{}
		}
		name, value := decoded(p.name), decoded(p.value)
		query[name] = value
		multi[name] = append(multi[name], value)
	}
	host := hostname(r.Host)
	prefix, _, _ := strings.Cut(host, ".")
	e := events.APIGatewayProxyRequest{
		Resource: resource, Path: path, HTTPMethod: r.Method,
		Headers: single, MultiValueHeaders: h, QueryStringParameters: query, MultiValueQueryStringParameters: multi,
		PathParameters: map[string]string{"proxy": strings.TrimPrefix(path, "/")},
		RequestContext: events.APIGatewayProxyRequestContext{
			AccountID: account, ResourceID: "local", Stage: stage, DomainName: host, DomainPrefix: prefix,
			RequestID: r.RequestID, ExtendedRequestID: r.RequestID, Protocol: r.Proto,
			Identity:     events.APIGatewayRequestIdentity{SourceIP: hostname(r.RemoteAddr), UserAgent: r.UserAgent()},
			ResourcePath: resource, Path: "/" + stage + path, HTTPMethod: r.Method,
			RequestTime: r.At.UTC().Format("02/Jan/2006:15:04:05 -0700"), RequestTimeEpoch: r.At.UnixMilli(), APIID: prefix,
		},
	}
	if path == "/" {
		e.Resource, e.RequestContext.ResourcePath, e.PathParameters = "/", "/", nil
	}
	sent := struct {
		events.APIGatewayProxyRequest
		Body            *string `json:"body"` // the service sends these two always
		IsBase64Encoded bool    `json:"isBase64Encoded"`
	}{APIGatewayProxyRequest: e}
	if len(r.Body) > 0 {
		text, encoded := encodeBody(r.Body, isText(r.Header))
		sent.Body, sent.IsBase64Encoded = &text, encoded
	}
	return json.Marshal(sent)
}

// isText reports whether a body travels as text.
func isText(h http.Header) bool {
	if h.Get("Content-Encoding") != "" {
		return false
	}
	contentType := h.Get("Content-Type")
	if contentType == "" {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	switch media {
	case "application/json", "application/javascript", "application/xml", "application/x-www-form-urlencoded":
		return true
	}
	return strings.HasPrefix(media, "text/") || strings.HasSuffix(media, "+json") || strings.HasSuffix(media, "+xml")
}

// restResponse takes the form of a REST API's proxy integration. An answer without a status is one that it does not take.
func restResponse(payload []byte) (funcurl.Response, error) {
	return convert(payload, rules{needStatus: true, single: true, multi: true, contentType: "application/json"})
}
