package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/stillwarm/stillwarm/tests/servers"
)

const sectionS3 = "3. A hit in S3, MinIO on loopback"

// s3Contests are hits in a bucket.
func s3Contests(h *host) ([]*contest, error) {
	server := servers.MinIO(h)
	server.Setenv(h)
	bucket := server.Bucket(h)
	var all []*contest
	for _, size := range []struct {
		id, title string
		bytes     int
		each      int
	}{{"s3-1KB", "1 KB", 1 << 10, 16}, {"s3-100KB", "100 KB", 100 << 10, 16}, {"s3-5MB", "5 MB", 5 << 20, 4}} {
		c, err := s3Contest(h, server, bucket, size.id, newBytes(size.bytes))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", size.id, err)
		}
		c.id, c.title, c.section, c.each = size.id, size.title, sectionS3, size.each
		const sdk, label = "AWS SDK, a buffer of ContentLength", "SDK with the right buffer"
		c.goals = []goal{
			over(reference, sdk, label, goalS3Time), cpuOver(reference, sdk, label, goalS3CPU),
			over(peer, "AWS SDK, io.ReadAll", "best-peer", goalPeers),
		}
		all = append(all, c)
	}
	return all, nil
}

func s3Contest(h *host, server *servers.S3, bucket, id string, value []byte) (*contest, error) {
	ctx := context.Background()
	backend := "s3://" + bucket + "/" + id + "?" + url.Values{"endpoint": {server.URL}, "path-style": {"true"}, "region": {server.Region}}.Encode()
	get, closeData, err := remoteData(backend, "bench", value)
	if err != nil {
		return nil, err
	}
	creds := aws.Credentials{AccessKeyID: server.AccessKey, SecretAccessKey: server.SecretKey}
	client := awss3.New(awss3.Options{
		Region: server.Region, BaseEndpoint: &server.URL, UsePathStyle: true,
		Credentials:                aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return creds, nil }),
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	})
	key := fmt.Sprintf("%s/e/%090d", id, len(value)) // of an entry's length and depth: the server pays for both
	if _, err := client.PutObject(ctx, &awss3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(value)}); err != nil {
		return nil, err
	}
	other, err := minio.New(server.Addr, &minio.Options{Creds: credentials.NewStaticV4(server.AccessKey, server.SecretKey, ""), Region: server.Region})
	if err != nil {
		return nil, err
	}
	byHand := &signedGet{
		url: server.URL + "/" + bucket + "/" + key, region: server.Region, creds: creds, buf: make([]byte, len(value)),
		client: &http.Client{Transport: &http.Transport{DisableCompression: true}}, signer: v4.NewSigner(),
	}
	h.Cleanup(closeData)
	const bare = "bytes only: no generation, no expiry, no type"
	return &contest{contenders: []contender{
		{name: "Stillwarm, Data.Get", role: ours, once: timed(get)},
		{name: "net/http with a signature made by hand, one buffer", role: floor, lacks: bare, once: timed(func() error { return byHand.get(ctx) })},
		{name: "minio-go, one buffer", role: floor, lacks: bare, once: timed(func() error { return minioGet(ctx, other, bucket, key, byHand.buf) })},
		{name: "AWS SDK, a buffer of ContentLength", role: reference, lacks: bare, once: timed(func() error {
			return sdkGet(ctx, client, bucket, key, func(out *awss3.GetObjectOutput) (int, error) {
				return io.ReadFull(out.Body, make([]byte, *out.ContentLength))
			})
		})},
		{name: "AWS SDK, io.ReadAll", role: peer, lacks: bare, once: timed(func() error {
			return sdkGet(ctx, client, bucket, key, func(out *awss3.GetObjectOutput) (int, error) {
				b, err := io.ReadAll(out.Body)
				return len(b), err
			})
		})},
	}}, nil
}

func sdkGet(ctx context.Context, client *awss3.Client, bucket, key string, read func(*awss3.GetObjectOutput) (int, error)) error {
	out, err := client.GetObject(ctx, &awss3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return err
	}
	defer out.Body.Close()
	n, err := read(out)
	if err == nil && int64(n) != *out.ContentLength {
		err = fmt.Errorf("%d bytes of %d", n, *out.ContentLength)
	}
	if err == nil {
		_, err = io.Copy(io.Discard, out.Body) // the checksum is compared at the end
	}
	return err
}

func minioGet(ctx context.Context, client *minio.Client, bucket, key string, buf []byte) error {
	core := minio.Core{Client: client}
	body, _, _, err := core.GetObject(ctx, bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.ReadFull(body, buf)
	return err
}

// signedGet is a GET with as little around it as the protocol allows.
type signedGet struct {
	url, region string
	creds       aws.Credentials
	signer      *v4.Signer
	client      *http.Client
	buf         []byte
}

// emptyHash is the SHA-256 of nothing.
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func (g *signedGet) get(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("X-Amz-Content-Sha256", emptyHash)
	if err := g.signer.SignHTTP(ctx, g.creds, req, emptyHash, "s3", g.region, time.Now()); err != nil {
		return err
	}
	res, err := g.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("GET: %s", res.Status)
	}
	if _, err := io.ReadFull(res.Body, g.buf); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, res.Body)
	return err
}
