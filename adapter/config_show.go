package adapter

import (
	"fmt"
	"log/slog"
	"strings"
)

// String returns the configuration without what may be secret: of each backend only the kind, of keys only that they
// are set.
func (c Config) String() string {
	var b strings.Builder
	b.WriteString("adapter.Config{")
	for i, a := range c.shown() {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s: %v", a.Key, a.Value)
	}
	b.WriteString("}")
	return b.String()
}

// GoString is String: %#v shows no secret either.
func (c Config) GoString() string { return c.String() }

// Format writes String for every verb.
func (c Config) Format(s fmt.State, _ rune) { fmt.Fprint(s, c.String()) }

// LogValue returns what String shows, for package slog.
func (c Config) LogValue() slog.Value { return slog.GroupValue(c.shown()...) }

// MarshalText is String: encoders show no secret either.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// shown returns the settings that differ from their zero value, as they may be shown.
func (c Config) shown() []slog.Attr {
	var all []slog.Attr
	add := func(set bool, name string, value any) {
		if set {
			all = append(all, slog.Any(name, value))
		}
	}
	add(c.Backend != "", "Backend", strings.Join(c.backendNames(), " "))
	add(c.Manager != nil, "Manager", "set")
	add(c.Namespace != "", "Namespace", c.Namespace)
	add(c.MemoryMax != 0, "MemoryMax", c.MemoryMax)
	add(c.SealKeys != "", "SealKeys", "set")
	add(c.Disabled, "Disabled", true)
	add(c.Mode != "", "Mode", string(c.Mode))
	add(c.Logger != nil, "Logger", "set")
	add(c.Clock != nil, "Clock", "set")
	add(c.Observer != nil, "Observer", "set")
	add(c.BackendTimeout != 0, "BackendTimeout", c.BackendTimeout)
	add(c.LeaseTTL != 0, "LeaseTTL", c.LeaseTTL)
	add(c.MaxWait != 0, "MaxWait", c.MaxWait)
	add(c.ThawGap != 0, "ThawGap", c.ThawGap)
	add(c.ReleaseTimeout != 0, "ReleaseTimeout", c.ReleaseTimeout)
	return all
}

// backendNames returns the kinds of the configured backends. What does not look like a scheme is not repeated: with a
// mistyped URL it may be anything.
func (c Config) backendNames() []string {
	var names []string
	for u := range strings.FieldsSeq(c.Backend) {
		name, _, _ := strings.Cut(u, ":")
		if !knownBackend(name) {
			name = "(unknown)"
		}
		names = append(names, backendName(name))
	}
	return names
}

// String names the Runtime without what its configuration holds.
func (rt *Runtime) String() string { return "adapter.Runtime{" + rt.config.String() + "}" }

// GoString is String.
func (rt *Runtime) GoString() string { return rt.String() }

// Format writes String for every verb.
func (rt *Runtime) Format(s fmt.State, _ rune) { fmt.Fprint(s, rt.String()) }

// LogValue is the configuration's.
func (rt *Runtime) LogValue() slog.Value { return rt.config.LogValue() }
