// Package services makes the persistence backend that the function uses: it takes the URLs of servers that run elsewhere,
// starts servers on this machine for backends that are a word, and stands in for those that are not installed.
package services

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stillwarm/stillwarm/localdev/internal/credentials"
	"github.com/stillwarm/stillwarm/localdev/internal/process"
)

// Options say what to open.
type Options struct {
	// Value is what --backend says: URLs and words, separated by spaces, fastest first; "none"; or "" for files.
	Value string
	// Temp is a folder that is removed at the end.
	Temp string
	// Data is the folder in which servers keep their data over a restart; "" for one in Temp.
	Data string
	// Keeper ends the servers where this process is killed; may be nil.
	Keeper *process.Keeper
	// Progress gets lines for people while servers start; may be nil.
	Progress io.Writer
	// Install is the command line that installs a server whose name follows it. Default: stillwarm services install.
	Install string
	// AskAWS finds the developer's AWS credentials. Default: a program that is built from this module's source.
	AskAWS func(context.Context) (credentials.Credentials, error)
}

func (o Options) install(name string) string {
	if o.Install == "" {
		return "stillwarm services install " + name
	}
	return o.Install + " " + name
}

// Backend is what the function is told to use.
type Backend struct {
	URL  string
	Env  []string // what else it needs in its environment
	Note string   // "removed at the end", or ""
	Own  bool     // its servers were started for it
	// Services says what was started for it, one after the other, and what to do where that is a stand-in.
	Services []string
	// Warning says that the backend does not answer and what to start, or "". The function runs all the same: a cache
	// that is down is only slow.
	Warning string
	Stop    func() // ends what was started and returns when it is gone; never nil
}

// A started service is one part of a backend.
type started struct {
	url  string
	env  []string
	says string
	stop func()
}

// words are the services by the word that starts them.
var words = map[string]func(ctx context.Context, o Options) (started, error){
	"redis":     startRedis,
	"s3":        func(ctx context.Context, o Options) (started, error) { return startS3(ctx, o, minio, versity) },
	"minio":     func(ctx context.Context, o Options) (started, error) { return startS3(ctx, o, minio) },
	"versitygw": func(ctx context.Context, o Options) (started, error) { return startS3(ctx, o, versity) },
}

// Open returns the backend for the options. When it fails, or ctx ends, nothing that it started is left.
func Open(ctx context.Context, o Options) (Backend, error) {
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	o.Progress = wholeLines(o.Progress)
	if o.Data != "" {
		var err error
		if o.Data, err = filepath.Abs(o.Data); err != nil {
			return Backend{}, fmt.Errorf("folder for data: %w", err)
		}
	}
	switch o.Value {
	case "":
		return files(o)
	case "none":
		return Backend{Note: "memory only", Stop: func() {}}, nil
	}
	parts := strings.Fields(o.Value)
	if err := check(parts); err != nil {
		return Backend{}, err
	}
	b, err := open(ctx, o, parts)
	if err != nil {
		b.Stop()
		return Backend{}, err
	}
	return b, nil
}

// files is the disk backend that a function gets where nothing is asked for.
func files(o Options) (Backend, error) {
	folder, note := filepath.Join(o.Temp, "cache"), "removed at the end"
	if o.Data != "" {
		folder, note = filepath.Join(o.Data, "cache"), "kept"
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return Backend{}, fmt.Errorf("folder for the disk backend: %w", err)
	}
	return Backend{URL: "disk://" + filepath.ToSlash(folder), Note: note, Stop: func() {}}, nil
}

// Check returns why a value for --backend cannot be used, or nil. It asks no server.
func Check(value string) error {
	if value == "none" {
		return nil
	}
	return check(strings.Fields(value))
}

// check refuses what cannot be opened before anything is started.
func check(parts []string) error {
	var s3, s3Word string
	for i, part := range parts {
		u, err := url.Parse(part)
		_, word := words[part]
		if !word && (err != nil || u.Scheme == "") {
			return fmt.Errorf("backend %q is neither a URL nor a service (%s); examples: redis, s3, \"redis s3\", "+
				"disk:///var/tmp/cache, redis://127.0.0.1:6379, 's3://BUCKET?endpoint=http://127.0.0.1:9000', none", part, known())
		}
		if slices.Contains(parts[:i], part) {
			return fmt.Errorf("backend %q is there twice", part)
		}
		if part == "redis" || !word && u.Scheme != "s3" {
			continue
		}
		if s3 != "" && (word || s3Word != "") {
			return fmt.Errorf("backends %q and %q need credentials of their own, and the environment holds one set: take one of them", s3, part)
		}
		if s3 = part; word {
			s3Word = part
		}
	}
	return nil
}

// open opens every part. Its result can be stopped also when it failed.
func open(ctx context.Context, o Options, parts []string) (Backend, error) {
	var b Backend
	var stops []func()
	b.Stop = func() {
		for _, stop := range slices.Backward(stops) {
			stop()
		}
	}
	var urls, warnings []string
	for _, part := range parts {
		var s started
		var err error
		if start, ok := words[part]; ok {
			b.Own = true
			s, err = start(ctx, o)
		} else {
			var warning string
			if s, warning, err = elsewhere(ctx, o, part); warning != "" {
				warnings = append(warnings, warning)
			}
		}
		if s.stop != nil {
			stops = append(stops, s.stop)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return b, fmt.Errorf("backend %s: %w", part, err)
		}
		urls, b.Env = append(urls, s.url), append(b.Env, s.env...)
		if s.says != "" {
			b.Services = append(b.Services, s.says)
		}
	}
	b.URL, b.Warning = strings.Join(urls, " "), strings.Join(warnings, " ")
	return b, nil
}

// elsewhere takes the URL of a server that runs elsewhere, and finds the credentials that it needs.
func elsewhere(ctx context.Context, o Options, raw string) (started, string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return started{}, "", err
	}
	s := started{url: raw}
	if u.Scheme == "s3" && !hasCredentials() {
		found, warning := findCredentials(ctx, o)
		if ctx.Err() != nil {
			return s, "", ctx.Err()
		}
		if warning != "" {
			return s, warning, nil
		}
		s.env, s.url, s.says = found.env(), found.withRegion(u), found.String()
	}
	return s, unreachable(ctx, u), nil
}

// folder is where a server keeps its data.
type folder struct {
	dir  string
	fate string // what becomes of it, for people
	free func() // lets another runner have it
}

// folder makes a server's folder for data. One that is kept belongs to one runner at a time: two servers that write to the
// same files would destroy them.
func (o Options) folder(name string) (folder, error) {
	f := folder{dir: filepath.Join(o.Temp, name), fate: "its data is removed at the end", free: func() {}}
	if o.Data != "" {
		f.dir = filepath.Join(o.Data, name)
		f.fate = "its data stays in " + short(f.dir)
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return f, fmt.Errorf("folder for data: %w", err)
	}
	if o.Data == "" {
		return f, nil
	}
	var err error
	if f.free, err = lockFile(f.dir + ".lock"); err != nil {
		return f, fmt.Errorf("folder for data %s: %w", f.dir, err)
	}
	return f, nil
}

func known() string {
	var names []string
	for name := range words {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// errNotInstalled is what a service returns where it has no program to start.
var errNotInstalled = errors.New("not installed")
