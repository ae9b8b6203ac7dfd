// Package httpevent converts between the HTTP events of AWS and net/http, both ways: payload 2.0 of API Gateway's HTTP
// APIs, function URLs, payload 1.0 of REST and HTTP APIs, and Application Load Balancers.
//
// An [Event] is any of these in one form. What the services do to a request differs, and decides how it is read:
//
//	source         path                                query                       values of one name
//	HTTP API 2.0   decoded, a named stage in front     as sent                     joined by commas; cookies a list
//	function URL   as sent                             as sent                     joined by commas; cookies a list
//	REST API       as sent, without the stage          decoded maps                single and multi-value maps
//	HTTP API 1.0   decoded, a named stage in front     decoded maps                single and multi-value maps
//	ALB            as sent                             maps of what was sent       either single or multi-value maps
//
// Parsing is strict where two different events could otherwise become equal requests: see [Event.Strict].
package httpevent
