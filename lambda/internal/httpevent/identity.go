package httpevent

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Identity is what an event knows of its caller. The zero value is nobody.
type Identity struct {
	// Known says that the service identified the caller in any way.
	Known bool

	Claims  map[string]any // of a token: JWT and Cognito authorizers
	Context map[string]any // of a Lambda authorizer, with principalId where it has one
	IAM     string         // ARN and ids of the signer
	Cognito string         // id of the Cognito identity
	Cert    string         // digest of the client certificate
}

func (c *wireContext) identity() Identity {
	var id Identity
	id.authorizer(c.Authorizer)
	i := &c.Identity
	id.iam(i.UserARN, i.User, i.Caller, i.AccountID, i.AccessKey)
	id.Cognito = join(id.Cognito, i.CognitoIdentityID)
	id.cert(i.ClientCert)
	id.cert(c.Authentication.ClientCert)
	id.Known = id.Known || i.APIKey != "" || i.APIKeyID != "" || i.CognitoProvider != "" || id.Cognito != ""
	return id
}

// authorizer reads the authorizer's block. In payload 2.0 it has a part for each kind of authorizer; in payload 1.0 it is
// the context of a Lambda authorizer, or has the claims of a token. A block of nulls is what an HTTP API sends without any
// authorizer.
func (id *Identity) authorizer(block map[string]any) {
	for name, v := range block {
		if isNull(v) {
			continue
		}
		id.Known = true
		part, isMap := v.(map[string]any)
		switch {
		case name == "jwt" && isMap:
			claims, _ := part["claims"].(map[string]any)
			id.claims(claims)
		case name == "claims" && isMap:
			id.claims(part)
		case name == "lambda" && isMap:
			id.Context = part
		case name == "iam" && isMap:
			id.iam(text(part["userArn"]), text(part["userId"]), text(part["callerId"]), text(part["accountId"]), text(part["accessKey"]))
			if cognito, ok := part["cognitoIdentity"].(map[string]any); ok {
				id.Cognito = join(id.Cognito, text(cognito["identityId"]))
			}
		default:
			if id.Context == nil {
				id.Context = map[string]any{}
			}
			id.Context[name] = v
		}
	}
}

func (id *Identity) claims(claims map[string]any) {
	if len(claims) > 0 {
		id.Known, id.Claims = true, claims
	}
}

// iam takes the parts that identify a signer. The access key changes with each session of a role, so it only counts as
// knowing the caller, unless nothing else tells two of them apart.
func (id *Identity) iam(arn, user, caller, account, accessKey string) {
	if arn+user+caller+account+accessKey == "" {
		return
	}
	id.Known = true
	if arn+user+caller != "" {
		if strings.HasSuffix(arn, "/CognitoIdentityCredentials") {
			account += "\x00" + accessKey // one name for the sessions of all identities of a pool
		}
		id.IAM = arn + "\x00" + user + "\x00" + caller + "\x00" + account
	}
}

func (id *Identity) cert(c *wireCert) {
	if c == nil || c.PEM+c.Subject+c.Serial == "" {
		return
	}
	id.Known = true
	sum := sha256.Sum256([]byte(c.PEM + "\x00" + c.Issuer + "\x00" + c.Serial + "\x00" + c.Subject))
	id.Cert = hex.EncodeToString(sum[:])
}

// field takes note of a field, given by its canonical name, that a load balancer adds to a request that it has authenticated.
func (id *Identity) field(name string) {
	if strings.HasPrefix(name, "X-Amzn-Oidc-") || strings.HasPrefix(name, "X-Amzn-Mtls-Clientcert") {
		id.Known = true
	}
}

// balancer reads the claims and the certificate that a load balancer passes on in fields. It overwrites what the client sent under
// these names only where it authenticates.
func (id *Identity) balancer(h http.Header) {
	if c := h.Get("X-Amzn-Mtls-Clientcert"); c != "" {
		id.cert(&wireCert{PEM: c})
	} else if serial := h.Get("X-Amzn-Mtls-Clientcert-Serial-Number"); serial != "" {
		id.cert(&wireCert{
			Serial: serial, Issuer: h.Get("X-Amzn-Mtls-Clientcert-Issuer"), Subject: h.Get("X-Amzn-Mtls-Clientcert-Subject"),
		})
	}
	claims := map[string]any{}
	if len(h["X-Amzn-Oidc-Data"]) > 1 || len(h["X-Amzn-Oidc-Identity"]) > 1 {
		return // one of them is not the balancer's
	}
	if parts := strings.Split(h.Get("X-Amzn-Oidc-Data"), "."); len(parts) == 3 {
		payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
		if err != nil || json.Unmarshal(payload, &claims) != nil {
			claims = map[string]any{}
		}
	}
	if sub := h.Get("X-Amzn-Oidc-Identity"); sub != "" {
		if other := claims["sub"]; !isNull(other) && text(other) != sub {
			return // a handler may go by either
		}
		claims["sub"] = sub
	}
	id.claims(claims)
}

// Principal returns what tells the caller from others: the named claims, or members of a Lambda authorizer's context, where
// any are named; else whatever the event has of issuer and subject of a token, a Lambda authorizer's principalId, an IAM or
// Cognito identity, a client certificate. It returns "" where one of the named is missing, or nothing is there. Different
// callers have different principals.
func (id *Identity) Principal(claims ...string) string {
	var p principal
	if len(claims) > 0 {
		for _, name := range claims {
			if !p.add(name, id.Claims[name]) && !p.add(name, id.Context[name]) {
				return ""
			}
		}
		return p.String()
	}
	if p.add("sub", id.Claims["sub"]) {
		p.add("iss", id.Claims["iss"])
	}
	p.add("principalId", id.Context["principalId"])
	p.add("iam", id.IAM)
	p.add("cognito", id.Cognito)
	if len(p.parts) == 0 && (len(id.Claims) > 0 || len(id.Context) > 0) {
		return "" // whom an authorizer knows only in a way of its own may share a certificate with others
	}
	p.add("cert", id.Cert)
	return p.String()
}

// principal frames names and values, so that no two lists of them read the same.
type principal struct{ parts []string }

func (p *principal) add(name string, v any) bool {
	if isNull(v) || v == "" {
		return false
	}
	if !exact(v) {
		return false
	}
	kind := "s"
	s, ok := v.(string)
	if !ok {
		kind, s = "j", text(v)
	}
	p.parts = append(p.parts, name, kind, s)
	return true
}

func (p *principal) String() string {
	var b strings.Builder
	for _, s := range p.parts {
		b.WriteString(strconv.Itoa(len(s)))
		b.WriteByte(':')
		b.WriteString(s)
	}
	return b.String()
}

// exact reports whether a decoded JSON value is what was sent: greater numbers may have become the same one.
func exact(v any) bool {
	switch v := v.(type) {
	case float64:
		return math.Abs(v) < 1<<53
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !exact(e) })
	case map[string]any:
		for _, e := range v {
			if !exact(e) {
				return false
			}
		}
	}
	return true
}

// isNull reports whether a decoded JSON value says nothing: null, or an object or list without anything.
func isNull(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

// text returns a string as it is, nothing for null, and anything else as JSON.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}

// join returns a, or b where a is empty.
func join(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
