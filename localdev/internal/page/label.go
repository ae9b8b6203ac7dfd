package page

import "encoding/json"

// httpLabel returns the method and the path of a raw event that stands for a request, as clients' requests are shown, or
// "" for any other event.
func httpLabel(event []byte) string {
	if len(event) > shownEvent {
		return ""
	}
	var e struct {
		HTTPMethod, Path, RawPath, RawQueryString string
		RequestContext                            struct{ HTTP struct{ Method string } }
	}
	if json.Unmarshal(event, &e) != nil {
		return ""
	}
	method, path := e.RequestContext.HTTP.Method, e.RawPath
	if method == "" {
		method, path = e.HTTPMethod, e.Path
	}
	if method == "" || path == "" {
		return ""
	}
	if e.RawQueryString != "" {
		path += "?" + e.RawQueryString
	}
	return cut(method+" "+path, 300)
}
