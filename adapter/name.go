package adapter

// Name returns the name that the function has in keys, events, logs and metrics: package path and name of the wrapped
// function, or that of the option [Name].
func (d *Data[In, Out]) Name() string { return d.ref.name() }

// Name returns the name that the function has in events, logs and metrics: package path and name of the wrapped function,
// or that of the option [Name].
func (r *Resource[In, Out]) Name() string { return r.ref.name() }
