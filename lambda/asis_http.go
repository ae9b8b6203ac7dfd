package lambda

import (
	"context"

	"github.com/stillwarm/stillwarm/lambda/internal/httpevent"
)

// asIs implements what [asIs] looks for: HTTP events go through a cache of their own.
func (c *CachedHandler[In, Out]) asIs() servedAsIs {
	if c.web == nil {
		return nil
	}
	return c.web
}

// UnmarshalJSON reads the event. aws-lambda-go calls it with what is valid JSON.
func (d *delivered[In]) UnmarshalJSON(data []byte) error { return httpevent.Decode(data, &d.event) }

// wrapAsIs wraps the handler to be served with aws-lambda-go's own way of writing JSON.
func (c *httpCached[In, Out]) wrapAsIs() *wrapper {
	w := &wrapper{known: true}
	w.outer = func(ctx context.Context, d *delivered[In]) (any, error) {
		if d == nil {
			d = &delivered[In]{} // the event is null
		}
		return w.serve(ctx, func(ctx context.Context) (any, error) { return c.write(ctx, d, &w.writers) })
	}
	return w
}

// write answers an event with a *writer that has the JSON, or with what is to be encoded.
func (c *httpCached[In, Out]) write(ctx context.Context, d *delivered[In], writers *writers) (any, error) {
	w, e, out, err := c.exchange(ctx, d)
	if err != nil {
		return nil, err
	}
	if w == nil {
		return out, nil
	}
	to := writers.get()
	if b, fits := w.AppendJSON(to.AvailableBuffer(), e, &out); fits {
		_, _ = to.Write(b)
		return to, nil
	}
	writers.put(to)
	return c.response(ctx, w, e, d)
}
