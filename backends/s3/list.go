package s3

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/stillwarm/stillwarm/backends"
)

// sideBySide is how many objects List and Prune read at once.
const sideBySide = 16

// List implements [backends.Lister]. Because an entry's name begins with a hash, it goes through the entries of all
// functions below the prefix: one request for each thousand of those, and one HEAD for each of this function's.
func (s *store) List(ctx context.Context, yield func(backends.Info) bool) error {
	folder := s.m.layout.entries()
	err := s.m.pages(ctx, folder, func(page []types.Object) (bool, error) {
		var own []types.Object
		for _, o := range page {
			if function, ok := functionOf(aws.ToString(o.Key), folder); ok && function == s.function {
				own = append(own, o)
			}
		}
		infos := make([]backends.Info, len(own))
		err := parallel(ctx, len(own), sideBySide, func(ctx context.Context, i int) (err error) {
			infos[i], err = s.info(ctx, aws.ToString(own[i].Key))
			return err
		})
		if err != nil {
			return false, err
		}
		for _, info := range infos {
			if info.Key != "" && !yield(info) {
				return false, nil
			}
		}
		return true, nil
	})
	return s.m.wrap(ctx, "list", err)
}

// info describes one object; its Key is empty where the object is gone, over or no entry.
func (s *store) info(ctx context.Context, name string) (backends.Info, error) {
	client, err := s.m.sdk(ctx)
	if err != nil {
		return backends.Info{}, err
	}
	out, err := client.HeadObject(ctx, &awss3.HeadObjectInput{
		Bucket: &s.m.o.Bucket, Key: &name, ExpectedBucketOwner: nonEmpty(s.m.o.BucketOwner),
	})
	if isNotFound(err) {
		return backends.Info{}, nil
	}
	if err != nil {
		return backends.Info{}, err
	}
	expires, ok := parseExpires(out.Metadata)
	if !ok || out.Metadata[metaKind] != kindEntry || isOver(expires, s.m.now()) {
		return backends.Info{}, nil
	}
	info := backends.Info{Size: aws.ToInt64(out.ContentLength) - nonceLen, Expires: expires}
	if text, long := out.Metadata[metaTail]; long {
		return s.longInfo(ctx, name, text, info)
	}
	key, err := base64.RawURLEncoding.DecodeString(out.Metadata[metaKey])
	if err != nil {
		return backends.Info{}, nil //nolint:nilerr // no entry of ours: it is left out
	}
	info.Key = string(key)
	return info, nil
}

// longInfo reads a key that is behind the entry.
func (s *store) longInfo(ctx context.Context, name, text string, info backends.Info) (backends.Info, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 || n > info.Size {
		return backends.Info{}, nil //nolint:nilerr // the same
	}
	client, err := s.m.sdk(ctx)
	if err != nil {
		return backends.Info{}, err
	}
	out, err := client.GetObject(ctx, &awss3.GetObjectInput{
		Bucket: &s.m.o.Bucket, Key: &name, ExpectedBucketOwner: nonEmpty(s.m.o.BucketOwner),
		Range: aws.String(fmt.Sprintf("bytes=%d-%d", info.Size-n, info.Size-1)),
	})
	if isNotFound(err) {
		return backends.Info{}, nil
	}
	if err != nil {
		return backends.Info{}, err
	}
	key, err := readBody(out.Body, out.ContentLength, n)
	if err != nil {
		return backends.Info{}, err
	}
	info.Key, info.Size = string(key), info.Size-n
	return info, nil
}

// pages calls f for each page of objects below folder until f returns false.
func (m *Manager) pages(ctx context.Context, folder string, f func([]types.Object) (bool, error)) error {
	client, err := m.sdk(ctx)
	if err != nil {
		return err
	}
	in := &awss3.ListObjectsV2Input{Bucket: &m.o.Bucket, Prefix: &folder, ExpectedBucketOwner: nonEmpty(m.o.BucketOwner)}
	for {
		out, err := client.ListObjectsV2(ctx, in)
		if err != nil {
			return err
		}
		if more, err := f(out.Contents); err != nil || !more {
			return err
		}
		if !aws.ToBool(out.IsTruncated) || aws.ToString(out.NextContinuationToken) == "" {
			return nil
		}
		in.ContinuationToken = out.NextContinuationToken
	}
}

// parallel calls f for 0 to n-1, a few at once, and returns the first error after all that began have ended.
func parallel(ctx context.Context, n, most int, f func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(n, most) {
		wg.Go(func() {
			for i := range next {
				if err := f(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := range n {
		select {
		case next <- i:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}

// sinceModified is an object's age by the server's clock, or 0 where the server did not say.
func sinceModified(obj object) time.Duration {
	if obj.served.IsZero() || obj.modified.IsZero() {
		return 0
	}
	return obj.served.Sub(obj.modified)
}
