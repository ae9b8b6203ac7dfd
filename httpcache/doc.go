// Package httpcache is a shared HTTP cache inside the handler's own process: RFC 9111, with stale-while-revalidate and
// stale-if-error (RFC 5861), Cache-Status (RFC 9211), targeted cache control (RFC 9213) and cache groups (RFC 9875).
//
//	mux := http.NewServeMux()
//	handler := httpcache.Middleware()(mux)
//
// What is cached, and for how long, is what the handler's answers say: without Cache-Control nothing is reused, and
// Cache-Status says why. Behind an authorizer or with cookies max-age is not enough: write public, or use [PerCaller].
//
// Answers live in the memory that all cached functions share, and in the backend where one is configured; all containers
// that share the backend see one cache. Runs of one URL are collapsed as soon as it is known that their answer may be
// shared.
//
// A middleware sees only the request. Whatever else an event knows of its caller, such as an authorizer's result or a
// client certificate, is seen by lambda.CacheHTTP, and not by a middleware behind an event adapter.
package httpcache
