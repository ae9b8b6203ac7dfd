package main

import (
	_ "embed"
	"net/http"
)

//go:embed page.html
var pageHTML string

// pagePolicy lets the page use what it brings along and ask this service, nothing else.
const pagePolicy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; " +
	"img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"

// page answers with the page for people.
func page() response {
	return response{
		StatusCode: http.StatusOK,
		Headers: map[string]string{
			"content-type":            "text/html; charset=utf-8",
			"content-security-policy": pagePolicy,
			"x-content-type-options":  "nosniff",
			"referrer-policy":         "no-referrer",
		},
		Body: pageHTML,
	}
}
