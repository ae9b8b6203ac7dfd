package bench

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/tests/servers"
)

const (
	sectionHandler = "4. What a user of the handler feels"
	sectionCold    = "5. Cold start: from the start of the process to its first request for work"
)

// missWork is how long the function works whose misses are measured. Caching what is much faster does not pay.
const missWork = 200 * time.Millisecond

// build builds functions as they are deployed, and returns their folder. The names are those below functions.
func build(ctx context.Context, h *host, names ...string) (string, error) {
	dir, err := os.MkdirTemp("", "stillwarm-bench-")
	if err != nil {
		return "", err
	}
	h.Cleanup(func() { _ = os.RemoveAll(dir) })
	top, err := Root()
	if err != nil {
		return "", err
	}
	args := []string{"build", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w", "-o", dir + "/"}
	for _, name := range names {
		args = append(args, "./bench/functions/"+name)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = filepath.Join(top, "tests")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building functions: %w\n%s", err, out)
	}
	return dir, nil
}

// handlerContests compare what the client of a function waits for.
func handlerContests(h *host, dir string, withS3 bool) ([]*contest, error) {
	bare, err := start(h, filepath.Join(dir, "bare"))
	if err != nil {
		return nil, err
	}
	cached, err := start(h, filepath.Join(dir, "ours"))
	if err != nil {
		return nil, err
	}
	event := []byte(`{"Symbol":"ACME"}`)
	invoke := func(p *process) func() (time.Duration, error) {
		return func() (time.Duration, error) { return p.api.invoke(event) }
	}
	hit := &contest{
		id: "handler-hit", title: "a hit in memory", section: sectionHandler, each: 40, rounds: 50,
		goals: []goal{over(reference, "bare handler", "bare handler", goalHandlerHit)},
		contenders: []contender{
			{name: "Stillwarm", role: ours, once: invoke(cached)},
			{name: "bare handler", role: reference, lacks: "the function does nothing, so this is the Runtime API alone", once: invoke(bare)},
		},
	}
	if !withS3 {
		return []*contest{hit}, nil
	}
	miss, err := missContest(h, dir, bare)
	if err != nil {
		return nil, err
	}
	return []*contest{hit, miss}, nil
}

func missContest(h *host, dir string, bare *process) (*contest, error) {
	server := servers.MinIO(h)
	backend := "s3://" + server.Bucket(h) + "/cache?" + url.Values{"endpoint": {server.URL}, "path-style": {"true"}}.Encode()
	kept, err := start(h, filepath.Join(dir, "ours-s3"), "STILLWARM_BACKEND="+backend,
		"AWS_ACCESS_KEY_ID="+server.AccessKey, "AWS_SECRET_ACCESS_KEY="+server.SecretKey)
	if err != nil {
		return nil, err
	}
	var events atomic.Int64
	fresh := func(p *process) func() (time.Duration, error) {
		return func() (time.Duration, error) {
			return p.api.invoke(fmt.Appendf(nil, `{"Symbol":"ACME-%d","WorkMS":%d}`, events.Add(1), missWork.Milliseconds()))
		}
	}
	return &contest{
		id: "handler-miss-s3", title: fmt.Sprintf("a miss with S3, of a function that works for %v", missWork), section: sectionHandler, each: 2,
		goals: []goal{over(reference, "uncached handler", "uncached handler", goalHandlerMiss)},
		contenders: []contender{
			{name: "Stillwarm, backends/s3", role: ours, once: fresh(kept)},
			{name: "uncached handler", role: reference, once: fresh(bare)},
		},
	}, nil
}

// coldRounds is how often each function is started.
const coldRounds = 100

// coldContests compare starts. Nothing listens at the backends: nobody asks them before the first call.
func coldContests(h *host, dir string) ([]*contest, error) {
	api, err := newRuntimeAPI()
	if err != nil {
		return nil, err
	}
	h.Cleanup(api.close)
	keys := []string{"AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=secret", "BENCH_REDIS=127.0.0.1:1", "BENCH_BUCKET=bucket"}
	launch := func(name string, who role, title, backend string) contender {
		binary := filepath.Join(dir, name)
		env := append(keys[:len(keys):len(keys)], "STILLWARM_BACKEND="+backend)
		return contender{name: title, role: who, lacks: megabytes(binary), once: func() (time.Duration, error) {
			cmd := api.command(binary, env)
			began := time.Now()
			if err := cmd.Start(); err != nil {
				return 0, err
			}
			at, err := api.await()
			api.stop(cmd)
			return at.Sub(began), err
		}}
	}
	const redisURL, s3URL, bare = "redis://127.0.0.1:1", "s3://bucket/cache?region=us-east-1", "bare aws-lambda-go"
	plain := launch("bare", floor, bare, "")
	both := over(floor, bare, "bare", goalColdBoth)
	contests := []*contest{
		{id: "cold-memory", title: "memory only", contenders: []contender{launch("ours", ours, "Stillwarm", ""), plain}},
		{id: "cold-disk", title: "disk", contenders: []contender{launch("ours-disk", ours, "Stillwarm", "disk:///tmp/stillwarm-bench"), plain}},
		{
			id: "cold-redis", title: "Redis", goals: []goal{over(reference, "bare + go-redis", "bare + go-redis", goalColdRedis)},
			contenders: []contender{launch("ours-redis", ours, "Stillwarm", redisURL), plain, launch("bare-redis", reference, "bare + go-redis", "")},
		},
		{
			id: "cold-s3", title: "S3", goals: []goal{over(reference, "bare + static s3.New", "bare + static s3.New", goalColdS3)},
			contenders: []contender{launch("ours-s3", ours, "Stillwarm", s3URL), plain, launch("bare-s3", reference, "bare + static s3.New", "")},
		},
		{
			id: "cold-both", title: "Redis and S3", goals: []goal{both},
			contenders: []contender{launch("ours-both", ours, "Stillwarm", redisURL+" "+s3URL), plain, launch("bare-both", reference, "bare + go-redis + static s3.New", "")},
		},
	}
	for _, c := range contests {
		c.section, c.rounds = sectionCold, coldRounds
	}
	return contests, nil
}

func megabytes(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%.1f MB", float64(info.Size())/1e6)
}
