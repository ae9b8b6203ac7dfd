package main

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
)

//go:embed page.html
var pageHTML string

// pagePolicy lets the page use what it brings along and ask this service, nothing else.
const pagePolicy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; " +
	"img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"

// page answers with the page for people. It changes with a deploy only; a browser asks after five minutes whether it has.
func page() response {
	res := reply(http.StatusOK, "text/html; charset=utf-8", "public, max-age=300", pageHTML)
	sum := sha256.Sum256([]byte(pageHTML))
	res.Headers["ETag"] = `"` + hex.EncodeToString(sum[:8]) + `"`
	res.Headers["Content-Security-Policy"] = pagePolicy
	res.Headers["Referrer-Policy"] = "no-referrer"
	return res
}
