package adapter

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/duration"
	"github.com/stillwarm/stillwarm/internal/host"
	"github.com/stillwarm/stillwarm/internal/logs"
)

// Mode says whether the program is being developed or is deployed: it decides where warnings and progress show.
type Mode string

// The modes.
const (
	Development Mode = "development"
	Deployed    Mode = "deployed"
)

// Config configures a [Runtime]. The zero value of each field means: from the environment, and what the environment
// does not set has the default named here.
type Config struct {
	// Backend is where results persist: one URL, or several separated by spaces, fastest first. "none" means memory only,
	// whatever the environment says. Environment: STILLWARM_BACKEND; default: none.
	Backend string
	// Manager is a backend of your own, instead of Backend. The Runtime closes it.
	Manager backends.PersistenceManager
	// Namespace keeps applications apart that share a backend. Environment: STILLWARM_NAMESPACE; default: in Lambda
	// "name@region" of the function, so that stages that share a backend do not meet; elsewhere empty.
	Namespace string
	// MemoryMax bounds the bytes that all cached data together keep in this container. Environment:
	// STILLWARM_MEMORY_MAX, such as "128MB"; default: a quarter of the function's memory.
	MemoryMax int64
	// SealKeys encrypt entries: "id:base64key", several separated by commas; the first seals, all open. Environment:
	// STILLWARM_SEAL_KEYS. Where they are set but blank, weak or malformed, no backend is used.
	SealKeys string
	// Disabled switches the cache off: every call runs its function. Environment: STILLWARM_DISABLE=1.
	Disabled bool
	// Mode is detected from Lambda's environment where it is not set. Environment: STILLWARM_MODE.
	Mode Mode
	// Logger receives the log records. Default: slog.Default where the program has set one, else standard error, JSON
	// when deployed.
	Logger *slog.Logger
	// Clock tells the wall-clock time; for tests. Default: time.Now.
	Clock func() time.Time
	// Observer receives every event, with the context of the call. It is called on the calling goroutine, so it must be
	// quick and safe for concurrent use.
	Observer func(context.Context, Event)

	// BackendTimeout bounds each read of the backend; writes, which happen after the response, get ten times as long.
	// Default: 1 s.
	BackendTimeout time.Duration
	// LeaseTTL is how long the fleet waits for a container that died while it ran a function: a live one renews
	// its lease. Default: 10 s.
	LeaseTTL time.Duration
	// MaxWait bounds how long a call waits for another container's run where the context has no deadline. Default: 60 s.
	MaxWait time.Duration
	// ThawGap is the gap between two uses of resources after which the container counts as thawed. Default: 30 s.
	ThawGap time.Duration
	// ReleaseTimeout bounds each release of a resource. Default: 5 s.
	ReleaseTimeout time.Duration
}

// The environment of Lambda and of Stillwarm.
const (
	envBackend   = "STILLWARM_BACKEND"
	envNamespace = "STILLWARM_NAMESPACE"
	envMemoryMax = "STILLWARM_MEMORY_MAX"
	envSealKeys  = "STILLWARM_SEAL_KEYS"
	envDisable   = "STILLWARM_DISABLE"
	envMode      = "STILLWARM_MODE"

	envFunctionName   = "AWS_LAMBDA_FUNCTION_NAME"
	envRegion         = "AWS_REGION"
	envDefaultRegion  = "AWS_DEFAULT_REGION"
	envFunctionMemory = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"
)

// fill completes the configuration from the environment and the defaults.
func (c Config) fill() (Config, error) {
	c.Backend = firstSet(c.Backend, os.Getenv(envBackend))
	c.Namespace = firstSet(firstSet(c.Namespace, os.Getenv(envNamespace)), defaultNamespace())
	if keys, set := os.LookupEnv(envSealKeys); c.SealKeys == "" && set {
		c.SealKeys = firstSet(keys, " ") // blank: whoever sets it means to seal
	}
	c.Mode = firstSet(c.Mode, Mode(os.Getenv(envMode)))
	setDefault(&c.BackendTimeout, time.Second)
	setDefault(&c.LeaseTTL, 10*time.Second)
	setDefault(&c.MaxWait, time.Minute)
	setDefault(&c.ThawGap, 30*time.Second)
	setDefault(&c.ReleaseTimeout, 5*time.Second)
	if c.Clock == nil {
		c.Clock = time.Now
	}
	// All of it is filled in whatever is wrong: Default goes on with what can be used.
	err := errors.Join(c.fillMode(), c.fillDisabled(), c.fillMemory())
	if c.Logger == nil {
		c.Logger = logs.Default(os.Stderr, c.Mode == Deployed)
	}
	return c, err
}

func (c *Config) fillMode() error {
	switch c.Mode {
	case Development, Deployed:
	case "":
		c.Mode = Development
		if host.InLambda() {
			c.Mode = Deployed
		}
	default:
		bad := c.Mode
		c.Mode = Deployed
		return &OptionError{Option: envMode, Value: string(bad), Reason: `must be "development" or "deployed"`}
	}
	return nil
}

func (c *Config) fillDisabled() error {
	v := os.Getenv(envDisable)
	if c.Disabled || v == "" {
		return nil
	}
	off, err := strconv.ParseBool(v)
	if err != nil {
		// Whoever sets the switch means it: an unclear value switches off rather than on.
		c.Disabled = true
		return &OptionError{Option: envDisable, Value: v, Reason: "must be 1 or 0; the cache is switched off"}
	}
	c.Disabled = off
	return nil
}

func (c *Config) fillMemory() error {
	if c.MemoryMax < 0 {
		c.MemoryMax = defaultMemory()
		return &OptionError{Option: "Config.MemoryMax", Value: "a negative number", Reason: "must be at least 1 byte"}
	}
	if c.MemoryMax > 0 {
		return nil
	}
	c.MemoryMax = defaultMemory()
	v := os.Getenv(envMemoryMax)
	if v == "" {
		return nil
	}
	n, err := duration.ParseSize(v)
	if err != nil || n <= 0 {
		reason := "must be a size such as 128MB"
		if err != nil {
			reason = err.Error()
		}
		return &OptionError{Option: envMemoryMax, Value: v, Reason: reason}
	}
	c.MemoryMax = n
	return nil
}

// defaultNamespace is the Lambda function and its region, or empty.
func defaultNamespace() string {
	name := os.Getenv(envFunctionName)
	if region := firstSet(os.Getenv(envRegion), os.Getenv(envDefaultRegion)); name != "" && region != "" {
		return name + "@" + region
	}
	return name
}

// leastDecode is what decoding a result may take even where memory keeps next to nothing.
const leastDecode = 16 << 20

// decodeBudget bounds the bytes that an entry of the backend may hold, and that its result may take.
func (c *Config) decodeBudget() int64 { return max(c.MemoryMax, leastDecode) }

// defaultMemory is a quarter of what the function may use.
func defaultMemory() int64 {
	const mib = 1 << 20
	if n, err := strconv.ParseInt(os.Getenv(envFunctionMemory), 10, 64); err == nil && n > 0 {
		return n * mib / 4
	}
	if limit := debug.SetMemoryLimit(-1); limit > 0 && limit < 1<<50 {
		return limit / 4
	}
	return 256 * mib
}

func firstSet[T comparable](a, b T) T {
	var zero T
	if a != zero {
		return a
	}
	return b
}

func setDefault[T comparable](v *T, d T) { *v = firstSet(*v, d) }
