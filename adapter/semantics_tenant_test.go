package adapter_test

import (
	"context"
	"testing"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/internal/invocation"
)

// Section K of the semantics: the tenant is part of every key.

func TestTenants(t *testing.T) {
	type userKey struct{}
	user := func(ctx context.Context, name string) context.Context { return context.WithValue(ctx, userKey{}, name) }
	byUser := adapter.Scope(func(ctx context.Context) string { s, _ := ctx.Value(userKey{}).(string); return s })
	tenant := func(id string) context.Context {
		ctx, _ := invocation.Begin(context.Background(), invocation.Options{TenantID: id})
		return ctx
	}
	type function struct {
		*adapter.Data[int, result]
		*counter
	}
	wrap := func(c *container, f *counter, opts ...adapter.DataOption) function {
		return function{adapter.CacheData(f.compute, append(opts, adapter.Name("f"), adapter.WithRuntime(c.Runtime))...), f}
	}
	t.Run("K20 Scope adds to the tenant: user 1 of one is not user 1 of another", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		a, b := w.container(), w.container()
		get(t, user(tenant("A"), "user1"), wrap(a, f, byUser), 1)
		a.settle()
		get(t, user(tenant("B"), "user1"), wrap(b, f, byUser), 1)
		wantRuns(t, f, 2)
		b.settle()
		get(t, user(tenant("A"), "user1"), wrap(w.container(), f, byUser), 1)
		wantRuns(t, f, 2)
	})
	t.Run("K20 a tenant and a scope are not mistaken for each other", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		d := wrap(w.container(), f, byUser)
		for i, ctx := range []context.Context{
			context.Background(), user(context.Background(), "A"), user(tenant("A"), ""), user(tenant("AB"), ""), user(tenant("A"), "B"),
		} {
			get(t, ctx, d, 1)
			wantRuns(t, f, int64(i+1))
		}
	})
	t.Run("K20 a call whose context carries no tenant is for the environment's", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		a, b := w.container(), w.container()
		da, db := wrap(a, f), wrap(b, f)
		get(t, tenant("A"), da, 1)
		get(t, context.Background(), da, 1)
		wantRuns(t, f, 1)
		get(t, context.Background(), da, 2)
		wantRuns(t, f, 2)
		a.settle()
		get(t, tenant("B"), db, 1)
		get(t, context.Background(), db, 2)
		wantRuns(t, f, 4)
	})
	t.Run("K20 where a process serves several tenants, a call of none of them gets nothing of theirs", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		d := wrap(w.container(), f)
		get(t, tenant("A"), d, 1)
		get(t, tenant("B"), d, 1)
		get(t, context.Background(), d, 1)
		wantRuns(t, f, 3)
		get(t, tenant("A"), d, 1)
		get(t, tenant("B"), d, 1)
		wantRuns(t, f, 3)
	})
	t.Run("K20 and in Lambda it is not cached, which is said once", func(t *testing.T) {
		t.Setenv("AWS_LAMBDA_FUNCTION_NAME", "f")
		w, f := newWorld(t), &counter{}
		c := w.container()
		d := wrap(c, f)
		get(t, tenant("A"), d, 1)
		get(t, tenant("B"), d, 1)
		for range 2 {
			get(t, context.Background(), d, 1)
		}
		wantRuns(t, f, 4)
		if s := d.Stats(); s.Runs != 4 {
			t.Fatalf("%+v", s)
		}
		if n := len(c.logs.with("WARN", "several tenants")); n != 1 {
			t.Fatalf("%d records: %s", n, c.logs.text())
		}
	})
	t.Run("K20 aws-lambda-go's own context counts", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		d := wrap(w.container(), f)
		for _, id := range []string{"A", "B", "A"} {
			get(t, lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{TenantID: id}), d, 1)
		}
		wantRuns(t, f, 2)
	})
	t.Run("K20 ShareAcrossTenants opts out, Scope still counts", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		a, b := w.container(), w.container()
		get(t, user(tenant("A"), "x"), wrap(a, f, byUser, adapter.ShareAcrossTenants()), 1)
		a.settle()
		d := wrap(b, f, byUser, adapter.ShareAcrossTenants())
		get(t, user(tenant("B"), "x"), d, 1)
		wantRuns(t, f, 1)
		get(t, user(tenant("B"), "y"), d, 1)
		wantRuns(t, f, 2)
	})
	t.Run("K20 resources, too", func(t *testing.T) {
		o := &opener{}
		r := adapter.CacheResource(o.open, adapter.Name("conn"), adapter.WithRuntime(newWorld(t).alone().Runtime), byUser)
		as := func(id string) (c *conn) {
			ctx, inv := invocation.Begin(context.Background(), invocation.Options{TenantID: id, AfterResponse: true})
			defer inv.Finish(ctx)
			return get(t, user(ctx, "user1"), r, "a")
		}
		if a := as("A"); a == as("B") || a != as("A") {
			t.Fatal("two tenants share a connection, or one has two")
		}
	})
}
