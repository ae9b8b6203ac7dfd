package httpevent

import (
	"net/http"
	"sync"
)

// canonicalNames returns the names of fields that clients, services and handlers add to most messages, in the lower case of an HTTP
// API, as net/http writes them: it would make some of them anew for each request.
func canonicalNames() map[string]string {
	names.once.Do(func() { names.canonical = knownNames() })
	return names.canonical
}

// names are made by the first event, so that a cold start without one costs nothing.
var names struct {
	once      sync.Once
	canonical map[string]string
}

func knownNames() map[string]string {
	return map[string]string{
		"accept": "Accept", "accept-encoding": "Accept-Encoding", "accept-language": "Accept-Language",
		"authorization": "Authorization", "cache-control": "Cache-Control", "content-length": "Content-Length",
		"content-type": "Content-Type", "cookie": "Cookie", "dnt": "Dnt", "etag": "Etag", "expires": "Expires", "host": "Host",
		"if-modified-since": "If-Modified-Since", "if-none-match": "If-None-Match", "last-modified": "Last-Modified",
		"location": "Location", "origin": "Origin", "pragma": "Pragma", "priority": "Priority", "range": "Range", "referer": "Referer",
		"sec-ch-ua": "Sec-Ch-Ua", "sec-ch-ua-mobile": "Sec-Ch-Ua-Mobile", "sec-ch-ua-platform": "Sec-Ch-Ua-Platform",
		"sec-fetch-dest": "Sec-Fetch-Dest", "sec-fetch-mode": "Sec-Fetch-Mode", "sec-fetch-site": "Sec-Fetch-Site",
		"sec-fetch-user": "Sec-Fetch-User", "te": "Te", "upgrade-insecure-requests": "Upgrade-Insecure-Requests",
		"user-agent": "User-Agent", "vary": "Vary", "via": "Via", "x-amz-cf-id": "X-Amz-Cf-Id", "x-amzn-trace-id": "X-Amzn-Trace-Id",
		"x-forwarded-for": "X-Forwarded-For", "x-forwarded-host": "X-Forwarded-Host", "x-forwarded-port": "X-Forwarded-Port",
		"x-forwarded-proto": "X-Forwarded-Proto",
	}
}

// canonicalName returns a field's name as net/http writes it.
func canonicalName(name string) string {
	if canonical, ok := canonicalNames()[name]; ok {
		return canonical
	}
	return http.CanonicalHeaderKey(name)
}
