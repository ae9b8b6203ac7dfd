package services

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/stillwarm/stillwarm/localdev/tools"
)

const (
	bucket   = "stillwarm"
	prefix   = "cache"
	s3Region = "us-east-1"
)

// s3Server is a kind of S3 server.
type s3Server struct {
	tool    string // its name in tools, and of its executable on the PATH
	title   string
	command func(port int, dir string, k keys) (args, env []string)
}

// keys are what a server that was started accepts. They are new for each start, so that no other program on the machine
// has them.
type keys struct{ id, secret string }

func newKeys() keys { return keys{id: "stillwarm-local", secret: rand.Text()} }

// env is what gives the keys to the function, as Lambda gives it those of its role.
func (k keys) env() []string {
	return []string{"AWS_ACCESS_KEY_ID=" + k.id, "AWS_SECRET_ACCESS_KEY=" + k.secret, "AWS_SESSION_TOKEN="}
}

var minio = s3Server{
	tool: "minio", title: "MinIO",
	command: func(port int, dir string, k keys) (args, env []string) {
		return []string{"server", "--quiet", "--address", address(port), "--console-address", loopback + ":0", dir},
			[]string{
				"MINIO_ROOT_USER=" + k.id, "MINIO_ROOT_PASSWORD=" + k.secret, "MINIO_REGION=" + s3Region,
				"MINIO_BROWSER=off", "MINIO_UPDATE=off",
				"MINIO_CI_CD=1", // or it refuses folders on the system's own disk
			}
	},
}

var versity = s3Server{
	tool: "versitygw", title: "Versity Gateway",
	command: func(port int, dir string, k keys) (args, env []string) {
		return []string{"--port", address(port), "--region", s3Region, "--keep-alive", "--quiet", "posix", dir},
			[]string{"ROOT_ACCESS_KEY=" + k.id, "ROOT_SECRET_KEY=" + k.secret}
	},
}

// find returns the server's executable: the pinned one of the tool cache, or what the PATH has.
func (s s3Server) find(o Options) (string, error) {
	if path, err := tools.Find(s.tool); err == nil {
		return path, nil
	}
	if path, err := exec.LookPath(s.tool); err == nil {
		return path, nil
	}
	return "", fmt.Errorf("%s is %w: it is neither in the tool cache nor on the PATH; install it with: "+
		"%s", s.title, errNotInstalled, o.install(s.tool))
}

// startS3 starts the first of the servers that is installed. The stand-in takes the place of a server that may be any,
// not of one that was asked for by its name.
func startS3(ctx context.Context, o Options, any ...s3Server) (started, error) {
	for _, s := range any {
		path, err := s.find(o)
		if err == nil {
			return s.start(ctx, o, path)
		}
		if len(any) == 1 {
			return started{}, err
		}
	}
	return s3StandIn(ctx, o)
}

func (s s3Server) start(ctx context.Context, o Options, path string) (started, error) {
	data, err := o.folder(s.tool)
	if err != nil {
		return started{}, err
	}
	k := newKeys()
	var at string
	r, err := startDaemon(ctx, o, func(port int) daemon {
		at = "http://" + address(port)
		args, env := s.command(port, data.dir, k)
		return daemon{
			title: s.title, path: path, args: args, env: env, dir: data.dir,
			ready: func(ctx context.Context, _ int) error { return listBuckets(ctx, at, k) },
		}
	})
	if err != nil {
		data.free()
		return started{}, err
	}
	stop := func() { r.stop(); data.free() }
	if err := makeBucket(ctx, at, k); err != nil {
		stop()
		return started{}, fmt.Errorf("%s: %w", s.title, err)
	}
	return started{url: s3URL(at), env: k.env(), stop: stop, says: fmt.Sprintf("%s (%s); %s", s.title, short(path), data.fate)}, nil
}

// s3URL returns the backend's URL for a server at an endpoint.
func s3URL(endpoint string) string {
	return "s3://" + bucket + "/" + prefix + "?endpoint=" + endpoint + "&path-style=true&region=" + s3Region
}

// listBuckets succeeds when the server answers a signed request. Its secret is new, so another server would refuse it.
func listBuckets(ctx context.Context, endpoint string, k keys) error {
	status, body, err := s3Request(ctx, http.MethodGet, endpoint+"/", k)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("listing buckets: status %d: %s: %w", status, body, errNotYet)
	}
	return nil
}

// makeBucket makes the bucket, unless a kept folder has it already.
func makeBucket(ctx context.Context, endpoint string, k keys) error {
	status, body, err := s3Request(ctx, http.MethodPut, endpoint+"/"+bucket, k)
	if err != nil {
		return fmt.Errorf("making the bucket %s: %w", bucket, err)
	}
	if status == http.StatusOK || status == http.StatusConflict && strings.Contains(body, "BucketAlready") {
		return nil
	}
	return errors.New("making the bucket " + bucket + ": " + body)
}

// emptyHash is the SHA-256 of nothing, which a request without a body is signed with.
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// s3Request sends one signed request without a body.
func s3Request(ctx context.Context, method, address string, k keys) (status int, body string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return 0, "", err
	}
	req.Close = true
	req.Header.Set("X-Amz-Content-Sha256", emptyHash)
	cred := aws.Credentials{AccessKeyID: k.id, SecretAccessKey: k.secret}
	if err := v4.NewSigner().SignHTTP(ctx, cred, req, emptyHash, "s3", s3Region, time.Now()); err != nil {
		return 0, "", err
	}
	// Not by a proxy of the developer's: the server is on this machine.
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 2000))
	return res.StatusCode, string(text), err
}
