package adapter

import (
	"context"
	"sync/atomic"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/stillwarm/stillwarm/internal/invocation"
)

// callScope is what of a call's context is part of its key: the tenant, and what Scope says.
type callScope struct{ tenant, own string }

// appendTo appends the scope, framed, to a key.
func (s callScope) appendTo(dst []byte) []byte {
	return appendFramed(appendFramed(dst, s.tenant), s.own)
}

// size is the length of what appendTo appends.
func (s callScope) size() int { return 8 + len(s.tenant) + len(s.own) }

// text is the scope as one string, for keys outside of this process. Where a call has neither it is "".
func (s callScope) text() string {
	if s == (callScope{}) {
		return ""
	}
	return string(s.appendTo(make([]byte, 0, s.size())))
}

func appendFramed(dst []byte, s string) []byte {
	n := uint32(len(s))
	return append(append(dst, byte(n>>24), byte(n>>16), byte(n>>8), byte(n)), s...)
}

// tenants knows for whom this process works. With Lambda's tenant isolation an execution environment belongs to one
// tenant, so a call whose context carries none (work of a goroutine, a context that was made anew) is for the tenant that
// was seen before. Where a process serves several, as under a test, nobody can tell.
type tenants struct {
	strict bool // in Lambda: such a call is not cached; elsewhere it has keys apart from every tenant's
	seen   atomic.Pointer[tenant]
}

// tenant is one that was seen. Once it is published it does not change.
type tenant struct {
	id      string
	several bool // another one was seen as well
}

// unknownTenant stands for one of several tenants. It is no tenant's id: Lambda's are printable.
const unknownTenant = "\x00unknown"

// of returns the tenant of a call: "" where there is none. known is false where the call must not be cached because it
// belongs to one of several tenants and its context does not say to which.
func (t *tenants) of(ctx context.Context) (id string, known bool) {
	_, id = caller(ctx)
	seen := t.seen.Load()
	switch {
	case id == "" && seen == nil:
		return "", true
	case id == "" && seen.several:
		return unknownTenant, !t.strict
	case id == "" || seen != nil && seen.id == id:
		return seen.id, true
	}
	made := &tenant{id: id, several: seen != nil}
	for !t.seen.CompareAndSwap(seen, made) {
		seen = t.seen.Load()
		made.several = seen.several || seen.id != id
	}
	return id, true
}

// caller returns whose invocation the context belongs to: the request id, and the tenant where the function isolates
// tenants. It finds them with aws-lambda-go's own Start, too.
func caller(ctx context.Context) (requestID, tenantID string) {
	if inv := invocation.From(ctx); inv != nil {
		return inv.RequestID(), inv.TenantID()
	}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		return lc.AwsRequestID, lc.TenantID
	}
	return "", ""
}
