package s3

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/stillwarm/stillwarm/backends"
)

// readTries is how often a body that breaks off is asked for again; the SDK retries only until the headers are in.
const readTries = 2

type object struct {
	body     []byte
	meta     map[string]string
	etag     string
	modified time.Time // by the server's clock
	served   time.Time // the response's Date, by the same clock; zero where there was none
}

type readOptions struct {
	limit   int64  // larger bodies are refused before anything is allocated
	first   int64  // read only this many bytes; 0: all
	changed string // an ETag: errUnchanged where the object still has it
}

// errUnchanged: the object still has the ETag that the reader knows.
var errUnchanged = errors.New("unchanged")

// read fetches an object into a buffer of exactly its size.
func (m *Manager) read(ctx context.Context, name string, o readOptions) (object, error) {
	client, err := m.sdk(ctx)
	if err != nil {
		return object{}, err
	}
	in := &awss3.GetObjectInput{Bucket: &m.o.Bucket, Key: &name, ExpectedBucketOwner: nonEmpty(m.o.BucketOwner)}
	if o.first > 0 {
		in.Range = aws.String(fmt.Sprintf("bytes=0-%d", o.first-1))
	}
	in.IfNoneMatch = nonEmpty(o.changed)
	for try := 1; ; try++ {
		out, err := client.GetObject(ctx, in)
		if o.changed != "" && statusOf(err) == http.StatusNotModified {
			return object{etag: o.changed, served: servedAt(err)}, errUnchanged
		}
		if err != nil {
			return object{served: servedAt(err)}, err
		}
		body, err := readBody(out.Body, out.ContentLength, o.limit)
		if err == nil {
			served, _ := awsmiddleware.GetServerTime(out.ResultMetadata)
			return object{
				body: body, meta: out.Metadata, etag: aws.ToString(out.ETag),
				modified: aws.ToTime(out.LastModified), served: served,
			}, nil
		}
		if try == readTries || ctx.Err() != nil || errors.Is(err, backends.ErrTooLarge) {
			return object{etag: aws.ToString(out.ETag)}, err
		}
	}
}

// readBody reads to the end of the body, not only to its length: the SDK compares the checksum when it sees the end.
func readBody(body io.ReadCloser, length *int64, limit int64) (_ []byte, err error) {
	defer func() {
		if cerr := body.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("read body: %w", cerr)
		}
	}()
	if length == nil || *length < 0 {
		return readUnsized(body, limit)
	}
	if *length > limit {
		return nil, fmt.Errorf("object of %d bytes, at most %d are accepted: %w", *length, limit, backends.ErrTooLarge)
	}
	buf := make([]byte, *length)
	if n, err := io.ReadFull(body, buf); err != nil {
		return nil, fmt.Errorf("read body: %d of %d bytes: %w", n, len(buf), err)
	}
	var more [1]byte
	if n, err := io.ReadFull(body, more[:]); n != 0 || !errors.Is(err, io.EOF) {
		if err == nil {
			err = errors.New("longer than announced")
		}
		return nil, fmt.Errorf("read body: %w", err)
	}
	return buf, nil
}

// readUnsized is for servers and proxies that do not say how long a body is.
func readUnsized(body io.Reader, limit int64) ([]byte, error) {
	buf, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read body: %w", err)
	}
	if int64(len(buf)) > limit {
		return nil, fmt.Errorf("object of more than %d bytes: %w", limit, backends.ErrTooLarge)
	}
	return buf, nil
}

// condition makes a write depend on what is there. The zero value does not.
type condition struct {
	ifNew   bool   // only where there is no object
	ifMatch string // only over the object with this ETag
}

type writeOptions struct {
	condition
	meta  map[string]string
	class types.StorageClass
	once  bool // the SDK must not try again: whoever calls does, with other bytes
}

// written is what a server says of a write.
type written struct {
	etag string
	at   time.Time // by the server's clock; zero where it did not say
}

// write puts an object with one request. A condition that does not hold is an error for which
// isLostRace, or for ifMatch also isNotFound, is true.
//
// The checksum goes into a header: given none, the SDK would send one behind the body in a chunked encoding that some
// servers cannot read. The body is in memory, so computing it first costs one fast pass.
func (m *Manager) write(ctx context.Context, name string, body []byte, o writeOptions) (written, error) {
	client, err := m.sdk(ctx)
	if err != nil {
		return written{}, err
	}
	in := &awss3.PutObjectInput{
		Bucket: &m.o.Bucket, Key: &name, Body: bytes.NewReader(body), ContentLength: aws.Int64(int64(len(body))),
		ContentType: aws.String("application/octet-stream"), ExpectedBucketOwner: nonEmpty(m.o.BucketOwner),
		Metadata: o.meta, StorageClass: o.class,
	}
	if !m.o.NoChecksum {
		in.ChecksumCRC32 = aws.String(crc(body))
	}
	if m.o.NoConditions {
		o.condition = condition{}
	}
	if o.ifNew {
		in.IfNoneMatch = aws.String("*")
	}
	if o.ifMatch != "" {
		in.IfMatch = &o.ifMatch
	}
	m.encrypt(in)
	out, err := client.PutObject(ctx, in, m.unsignedOverTLS, func(so *awss3.Options) {
		if o.once {
			so.Retryer = aws.NopRetryer{}
		}
	})
	if err != nil {
		return written{}, err
	}
	at, _ := awsmiddleware.GetServerTime(out.ResultMetadata)
	return written{etag: aws.ToString(out.ETag), at: at}, nil
}

// servedAt returns when the server answered, by its clock, where it answered with an error; zero: it did not say.
func servedAt(err error) time.Time {
	resp, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok || resp.Response == nil || resp.Response.Response == nil {
		return time.Time{}
	}
	at, err := http.ParseTime(resp.Response.Header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return at
}

// head describes an object without its body.
func (m *Manager) head(ctx context.Context, name string) (object, error) {
	client, err := m.sdk(ctx)
	if err != nil {
		return object{}, err
	}
	out, err := client.HeadObject(ctx, &awss3.HeadObjectInput{
		Bucket: &m.o.Bucket, Key: &name, ExpectedBucketOwner: nonEmpty(m.o.BucketOwner),
	})
	if err != nil {
		return object{}, err
	}
	served, _ := awsmiddleware.GetServerTime(out.ResultMetadata)
	return object{meta: out.Metadata, etag: aws.ToString(out.ETag), modified: aws.ToTime(out.LastModified), served: served}, nil
}

func crc(body []byte) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(body)))
}

func (m *Manager) encrypt(in *awss3.PutObjectInput) {
	if m.o.SSE == "" {
		return
	}
	in.ServerSideEncryption = types.ServerSideEncryption(m.o.SSE)
	if m.o.KMSKey != "" {
		in.SSEKMSKeyId = &m.o.KMSKey
	}
	if m.o.SSE == string(types.ServerSideEncryptionAwsKms) && !m.o.NoBucketKey {
		in.BucketKeyEnabled = aws.Bool(true)
	}
}

// unsignedOverTLS leaves the SHA-256 of the body away where TLS protects it and the signed CRC-32 covers it. The SDK
// does the same with the checksum it sends by itself. Directory buckets keep the signed body.
func (m *Manager) unsignedOverTLS(o *awss3.Options) {
	plain := strings.HasPrefix(strings.ToLower(aws.ToString(o.BaseEndpoint)), "http://")
	if m.o.Client != nil || plain || m.o.NoChecksum || isDirectoryBucket(m.o.Bucket) {
		return
	}
	o.APIOptions = append(o.APIOptions, v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)
}

func isDirectoryBucket(bucket string) bool { return strings.HasSuffix(bucket, "--x-s3") }
