package container

import (
	"crypto/rand"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	version = "$LATEST"
	handler = "bootstrap"
)

// passed are the variables of the developer's own environment that reach the function: what finds programs,
// certificates and a home folder, and what Go's own tools read. Everything that begins with AWS_ or STILLWARM_ passes too.
var passed = []string{
	"PATH", "HOME", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "GOCOVERDIR", "GODEBUG", "GOTRACEBACK", "GORACE",
	"GOMAXPROCS", "GOGC", "GOMEMLIMIT", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	"SYSTEMROOT", "USERPROFILE",
}

// Environment returns what environment returns for a container whose addresses and folders are not known yet. The names
// are those that the process will see.
func (f Function) Environment() []string { return f.environment("", "") }

// environment returns the process's whole environment: little of the developer's, then Lambda's, then the function's
// own. Of two with one name the later holds.
func (f Function) environment(api, tmp string, own ...string) []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if slices.Contains(passed, name) || strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "STILLWARM_") {
			env = append(env, kv)
		}
	}
	region := f.Region
	env = append(env,
		"AWS_LAMBDA_RUNTIME_API="+api,
		"AWS_LAMBDA_FUNCTION_NAME="+f.Name,
		"AWS_LAMBDA_FUNCTION_VERSION="+version,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE="+strconv.Itoa(f.MemoryMB),
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/"+f.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME="+logStream(time.Now()),
		"AWS_LAMBDA_LOG_FORMAT=JSON",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023",
		"AWS_REGION="+region,
		"AWS_DEFAULT_REGION="+region,
		"_HANDLER="+f.handler(),
		"LAMBDA_TASK_ROOT="+f.Dir,
		"LAMBDA_RUNTIME_DIR="+f.Dir,
		"TMPDIR="+tmp, // a container has a /tmp of its own
		"TZ=:UTC",
		"STILLWARM_MODE=development",
	)
	env = append(env, own...)
	return lastOfEach(append(env, f.Env...))
}

func (f Function) handler() string {
	if f.Handler == "" {
		return handler
	}
	return f.Handler
}

func logStream(now time.Time) string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return fmt.Sprintf("%s/[%s]%x", now.UTC().Format("2006/01/02"), version, b)
}

// lastOfEach drops the variables that a later one of the same name replaces.
func lastOfEach(env []string) []string {
	last := map[string]int{}
	for i, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		last[name] = i
	}
	kept := env[:0:0]
	for i, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		if last[name] == i {
			kept = append(kept, kv)
		}
	}
	return kept
}
