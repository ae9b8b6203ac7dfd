package httpevent

import (
	"encoding/json"
	"mime"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/localdev/internal/funcurl"
)

const targetGroup = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/local/0000000000000000"

// albEvent makes the event of a load balancer's target group: path and query as they were sent, names of fields in lower
// case. Without multi-value headers the last of several values counts.
func albEvent(multi bool) func(Request) ([]byte, error) {
	return func(r Request) ([]byte, error) {
		e := events.ALBTargetGroupRequest{
			HTTPMethod: r.Method, Path: escapedPath(r.Request),
			RequestContext: events.ALBTargetGroupRequestContext{ELB: events.ELBContext{TargetGroupArn: targetGroup}},
		}
		headers := map[string][]string{}
		for name, values := range fields(r) {
			headers[strings.ToLower(name)] = values
		}
		query := map[string][]string{}
		for _, p := range parameters(r.URL.RawQuery) {
			query[p.name] = append(query[p.name], p.value)
		}
		if multi {
			e.MultiValueHeaders, e.MultiValueQueryStringParameters = headers, query
		} else {
			e.Headers, e.QueryStringParameters = last(headers), last(query)
		}
		e.Body, e.IsBase64Encoded = encodeBody(r.Body, albText(r.Header))
		return json.Marshal(e)
	}
}

func last(all map[string][]string) map[string]string {
	out := map[string]string{}
	for name, values := range all {
		out[name] = values[len(values)-1]
	}
	return out
}

// albText is the load balancer's own list of what is no binary body.
func albText(h http.Header) bool {
	if h.Get("Content-Encoding") != "" {
		return false
	}
	contentType := h.Get("Content-Type")
	media, _, err := mime.ParseMediaType(contentType)
	switch {
	case contentType == "":
		return true
	case err != nil:
		return false
	case strings.HasPrefix(media, "text/"):
		return true
	}
	return media == "application/json" || media == "application/javascript" || media == "application/xml"
}

// albResponse takes the answer in the kind of headers that the target group is set to.
func albResponse(multi bool) func([]byte) (funcurl.Response, error) {
	return func(payload []byte) (funcurl.Response, error) {
		return convert(payload, rules{needStatus: true, single: !multi, multi: multi, contentType: "application/octet-stream"})
	}
}
