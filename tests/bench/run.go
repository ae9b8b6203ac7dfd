package bench

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"
)

// Options say how a run goes.
type Options struct {
	// Quick leaves out what takes long and ends within QuickLimit.
	Quick bool
	// Only, where it is not empty, names the contests to hold, by the beginning of their ids.
	Only []string
	// Progress gets a line for each contest as it ends; nil for none.
	Progress io.Writer
}

// QuickLimit is how long a quick run may take, with servers started and functions built.
const QuickLimit = 44 * time.Second

// The share of a quick run that its parts may use up to, so that each gets something.
const (
	quickMemory = 0.42
	quickRemote = 0.66
	quickLambda = 0.74
)

// quickStarts is what a quick run keeps for starting functions, however long building them took.
const quickStarts = 9 * time.Second

// quickContests are those of a quick run: one of each kind.
var quickContests = []string{
	"hit-flat", "hit-100", "hit-nested", "key-local", "key-persistent", "copy-100", "encode-100", "decode-100",
	"hit-tagged", "hit-spread", "batch-memory", "batch-redis", "batch-s3", "telemetry-emf",
	"redis-1KB", "redis-100KB", "s3-1KB", "s3-100KB", "http-1KB", "http-100KB", "http-lambda-1KB", "http-lambda-100KB",
	"http-lambda-private", "http-lambda-private-noop", "handler-hit", "cold-redis", "cold-s3", "cold-both",
}

// stage is a group of contests that need the same thing to be there.
type stage struct {
	prefixes []string // of the contests' ids
	until    float64  // share of a quick run
	make     func() ([]*contest, error)
}

// Run holds the contests and returns what came out. Contests for which something is missing are in the report with the
// reason; an error is a run that could not be completed.
func Run(ctx context.Context, o Options) (*Report, error) {
	h := &host{ctx: ctx}
	defer h.end()
	r := newReport(o)
	began := time.Now()
	for _, s := range stages(ctx, h, o, began) {
		if !slices.ContainsFunc(s.prefixes, o.touches) {
			continue
		}
		p := o.pace(began, s.until)
		var contests []*contest
		err := h.run(func() (err error) {
			contests, err = s.make()
			return err
		})
		if err != nil && (o.Quick || errors.Is(err, errSkipped)) {
			r.skip(s.prefixes, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		contests = slices.DeleteFunc(contests, func(c *contest) bool { return !o.wants(c.id) })
		for i, c := range contests {
			res, err := c.hold(p.part(len(contests) - i))
			if err != nil {
				return nil, err
			}
			r.add(res)
		}
		h.end()
	}
	r.finish()
	return r, nil
}

// wants reports whether the contest is part of the run.
func (o Options) wants(id string) bool {
	if o.Quick && !slices.Contains(quickContests, id) {
		return false
	}
	return len(o.Only) == 0 || slices.ContainsFunc(o.Only, func(part string) bool { return strings.HasPrefix(id, part) })
}

// touches reports whether contests whose ids begin with prefix may be part of the run.
func (o Options) touches(prefix string) bool {
	return len(o.Only) == 0 || slices.ContainsFunc(o.Only, func(part string) bool {
		return strings.HasPrefix(part, prefix) || strings.HasPrefix(prefix, part)
	})
}

// pace is how fast a stage has to go that may use the run up to a share of it.
func (o Options) pace(began time.Time, until float64) pace {
	if !o.Quick {
		return pace{rounds: 25, sample: 8 * time.Millisecond, share: 1}
	}
	end := began.Add(time.Duration(until * float64(QuickLimit)))
	return pace{rounds: 9, sample: 4 * time.Millisecond, share: 0.4, deadline: end}
}

// part is the pace of the first of n contests that remain.
func (p pace) part(n int) pace {
	if !p.deadline.IsZero() {
		p.deadline = time.Now().Add(time.Until(p.deadline) / time.Duration(n))
	}
	return p
}

func stages(ctx context.Context, h *host, o Options, began time.Time) []stage {
	functions := []string{"bare", "ours", "bare-redis", "bare-s3", "bare-both", "ours-redis", "ours-s3", "ours-disk", "ours-both"}
	if o.Quick {
		functions = slices.DeleteFunc(functions, func(name string) bool { return name == "ours-disk" })
	}
	built := func(functions []string, then func(dir string) ([]*contest, error)) func() ([]*contest, error) {
		return func() ([]*contest, error) {
			limit, cancel := context.WithCancel(ctx)
			if o.Quick {
				cancel()
				limit, cancel = context.WithDeadline(ctx, began.Add(QuickLimit-quickStarts))
			}
			defer cancel()
			dir, err := build(limit, h, functions...)
			if err != nil {
				return nil, err
			}
			return then(dir)
		}
	}
	return []stage{
		{[]string{"hit-"}, quickMemory, memoryContests},
		{[]string{"key-"}, quickMemory, keyContests},
		{[]string{"telemetry-"}, quickMemory, telemetryContests},
		{[]string{"copy-"}, quickMemory, copyContests},
		{[]string{"encode-", "decode-"}, quickMemory, codecContests},
		{[]string{"redis-"}, quickRemote, func() ([]*contest, error) { return redisContests(h) }},
		{[]string{"s3-"}, quickRemote, func() ([]*contest, error) { return s3Contests(h) }},
		{[]string{"http-"}, quickRemote, func() ([]*contest, error) { return httpContests(h) }},
		{[]string{"batch-memory"}, quickRemote, memoryBatch},
		{[]string{"batch-redis"}, quickRemote, func() ([]*contest, error) { return redisBatch(h) }},
		{[]string{"batch-s3"}, quickRemote, func() ([]*contest, error) { return s3Batch(h) }},
		{[]string{"http-lambda-"}, quickLambda, built([]string{"bare-http", "ours-http"}, func(dir string) ([]*contest, error) {
			return lambdaHTTPContests(h, dir)
		})},
		{[]string{"handler-", "cold-"}, 1, built(functions, func(dir string) ([]*contest, error) {
			handlers, err := handlerContests(h, dir, !o.Quick)
			if err != nil {
				return nil, err
			}
			cold, err := coldContests(h, dir)
			return append(handlers, cold...), err
		})},
	}
}
