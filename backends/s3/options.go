package s3

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

const (
	defaultMaxEntry       = 64 << 20
	defaultAttemptTimeout = 2 * time.Second
	maxPrefix             = 700 // S3 allows 1024 bytes a key; what follows the prefix takes 100
)

// Options say where and how entries are kept. Only Bucket is required: the zero value of everything else takes
// credentials, region and endpoint from the environment, as Lambda sets it.
type Options struct {
	// Bucket is the bucket's name, access point alias or access point ARN. A name that ends in --x-s3 is a directory
	// bucket (S3 Express One Zone).
	Bucket string
	// Prefix goes before every object key, without a slash at either end. Empty: the bucket is the cache's alone.
	Prefix string
	// Region; empty: AWS_REGION, then AWS_DEFAULT_REGION.
	Region string
	// Endpoint is the URL of another server than Amazon's; empty: AWS_ENDPOINT_URL_S3, then AWS_ENDPOINT_URL, then
	// Amazon's for the region.
	Endpoint string
	// PathStyle puts the bucket into the path instead of the host name, which most servers besides Amazon's need.
	PathStyle bool

	// BucketOwner is the account that the bucket must belong to, 12 digits: every request to somebody else's bucket of that
	// name is refused. Empty: not checked.
	BucketOwner string
	// NoChecksum leaves checksums out of requests and does not ask for them, for servers that refuse them. Entries have
	// their own all the same.
	NoChecksum bool
	// NoConditions leaves conditions out of writes, for servers that refuse them. It costs what docs/s3.md says: there are no
	// leases, and ClearFor clears the whole function.
	NoConditions bool

	// StorageClass of entries; empty: the bucket's default. Classes that must be restored before reading are refused.
	StorageClass string
	// SSE is the encryption to ask for: "AES256", "aws:kms", "aws:kms:dsse"; empty: the bucket's default.
	SSE string
	// KMSKey is the key's id, alias or ARN, for SSE "aws:kms" and "aws:kms:dsse"; empty: the account's key for S3.
	KMSKey string
	// NoBucketKey turns off S3 Bucket Keys, which "aws:kms" uses by default because they save most requests to KMS.
	NoBucketKey bool
	// NoExpressSession signs each request to a directory bucket by itself instead of using the SDK's session.
	NoExpressSession bool

	// MaxEntry is the size of the largest entry in bytes, refused beyond that on the way in and on the way out, before
	// anything is allocated. Zero: 64 MiB.
	MaxEntry int64
	// AttemptTimeout bounds one attempt of a request while nothing moves. Zero: 2 s. An attempt never takes more than
	// half of what the context's deadline leaves, so that there is time for another.
	AttemptTimeout time.Duration
	// Concurrency is how many requests run side by side, and so how many idle connections are kept. Zero: three for
	// each invocation that the environment says may run at once (AWS_LAMBDA_MAX_CONCURRENCY), at least 16.
	Concurrency int

	// Credentials overrides the environment's. The manager caches what it returns until it expires.
	Credentials aws.CredentialsProvider
	// Transport replaces the tuned HTTP transport. It is shared by all goroutines.
	Transport http.RoundTripper
	// Client replaces everything that concerns the connection: Region, Endpoint, PathStyle, Credentials, Transport,
	// AttemptTimeout, Concurrency and NoExpressSession are then not used. Set its ResponseChecksumValidation to
	// aws.ResponseChecksumValidationWhenSupported: it is off in a client that the config module did not make.
	Client *awss3.Client

	// Logger receives warnings for operators that no error reports. Nil: slog.Default where the program has set one,
	// else standard error.
	Logger *slog.Logger
	// Clock is the wall clock; nil: time.Now. It decides what has expired and how old a kept generation is.
	Clock func() time.Time
	// OnPrune is called after each page of objects that Prune has looked at, with the counts so far. May be nil.
	OnPrune func(PruneProgress)
}

// PruneProgress counts what Prune has done since it began.
type PruneProgress struct {
	Listed  int // objects seen below the prefix
	Read    int // requests that read the beginning of an object
	Removed int // entries and leases removed
}

// complete returns the options with defaults filled in, or an error that names the option, its value and what is accepted.
func (o Options) complete() (Options, error) {
	o.Prefix = strings.Trim(o.Prefix, "/")
	o.StorageClass = strings.ToUpper(o.StorageClass)
	if o.MaxEntry == 0 {
		o.MaxEntry = defaultMaxEntry
	}
	if o.AttemptTimeout == 0 {
		o.AttemptTimeout = defaultAttemptTimeout
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return o, errors.Join(o.checkPlace(), o.checkStorage(), o.checkLimits())
}

func (o Options) checkPlace() error {
	if o.Bucket == "" {
		return errors.New("s3: no bucket; give Options.Bucket or a URL like s3://bucket/prefix")
	}
	if strings.ContainsAny(o.Bucket, "@?# \\") {
		return errors.New("s3: the bucket's name has a character that no bucket's name has (credentials belong into the environment)")
	}
	if !utf8.ValidString(o.Prefix) || len(o.Prefix) > maxPrefix {
		return fmt.Errorf("s3: the prefix must be UTF-8 and at most %d bytes, this one has %d", maxPrefix, len(o.Prefix))
	}
	for part := range strings.SplitSeq(o.Prefix, "/") {
		// Servers and proxies normalise these away: the object would land elsewhere than where it is looked for.
		if part == "." || part == ".." || (part == "" && o.Prefix != "") {
			return fmt.Errorf("s3: prefix %q: empty parts, . and .. are not accepted", o.Prefix)
		}
	}
	if o.BucketOwner != "" && (len(o.BucketOwner) != 12 || strings.Trim(o.BucketOwner, "0123456789") != "") {
		return fmt.Errorf("s3: bucket owner %q is not accepted; it is an account id of 12 digits", o.BucketOwner)
	}
	return checkEndpoint(o.Endpoint)
}

func checkEndpoint(endpoint string) error {
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return errors.New(`s3: the endpoint must be a URL, for example "https://minio.example.com:9000"`)
	case u.User != nil:
		return errors.New("s3: the endpoint must not carry credentials; use AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	return nil
}

func (o Options) checkStorage() error {
	classes := []types.StorageClass{
		types.StorageClassStandard, types.StorageClassStandardIa, types.StorageClassOnezoneIa,
		types.StorageClassIntelligentTiering, types.StorageClassGlacierIr, types.StorageClassReducedRedundancy,
		types.StorageClassExpressOnezone,
	}
	if o.StorageClass != "" && !slices.Contains(classes, types.StorageClass(o.StorageClass)) {
		return fmt.Errorf("s3: storage class %q is not accepted; one of %v (archives cannot be read at once)", o.StorageClass, classes)
	}
	kms := o.SSE == string(types.ServerSideEncryptionAwsKms) || o.SSE == string(types.ServerSideEncryptionAwsKmsDsse)
	switch {
	case o.SSE != "" && !kms && o.SSE != string(types.ServerSideEncryptionAes256):
		return fmt.Errorf("s3: sse %q is not accepted; one of AES256, aws:kms, aws:kms:dsse", o.SSE)
	case o.KMSKey != "" && !kms:
		return errors.New("s3: a KMS key needs sse aws:kms or aws:kms:dsse")
	}
	return nil
}

func (o Options) checkLimits() error {
	switch {
	case o.MaxEntry < 0 || o.MaxEntry > 5<<30:
		return fmt.Errorf("s3: max entry %d is not accepted; from 1 byte to 5 GiB, which is S3's own limit for one PUT", o.MaxEntry)
	case o.AttemptTimeout < 0:
		return fmt.Errorf("s3: attempt timeout %v is negative", o.AttemptTimeout)
	case o.Concurrency < 0:
		return fmt.Errorf("s3: concurrency %d is negative", o.Concurrency)
	}
	return nil
}
