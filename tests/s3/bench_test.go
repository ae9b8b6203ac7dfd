package s3

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"syscall"
	"testing"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
	s3backend "github.com/stillwarm/stillwarm/backends/s3"
	"github.com/stillwarm/stillwarm/tests/servers"
)

// BenchmarkGet reads one entry with the SDK's defaults into a buffer of the right size, and with the store, by turns in
// one loop, so that both meet the same noise. It reports the medians, their ratio, and the client's CPU time for each.
func BenchmarkGet(b *testing.B) {
	server := servers.SharedMinIO(b)
	server.Setenv(b)
	p := &place{server: server, bucket: server.Bucket(b)}
	m, err := s3backend.New(p.options())
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	s, err := m.Store(b.Context(), backends.Function{Name: "bench", NearTTL: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	client := p.raw()
	for _, size := range []int{1 << 10, 100 << 10, 5 << 20} {
		body := bytes.Repeat([]byte{'x'}, size)
		key := fmt.Sprint("key ", size)
		if err := backendstest.Put(b.Context(), s, key, body, time.Time{}); err != nil {
			b.Fatal(err)
		}
		twin := fmt.Sprintf("cache/test/e/%097d", size) // of an entry's length and depth: the server pays for both
		if _, err := client.PutObject(b.Context(), &awss3.PutObjectInput{Bucket: &p.bucket, Key: &twin, Body: bytes.NewReader(body)}); err != nil {
			b.Fatal(err)
		}
		viaStore := func() error { _, _, err := backendstest.Get(b.Context(), s, key); return err }
		viaSDK := func() error { return sdkGet(b.Context(), client, p.bucket, twin) }
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			var sdk, store sample
			for i := 0; b.Loop(); i++ {
				if i%2 == 0 { // whoever goes second finds a warmer cache
					sdk.measure(b, viaSDK)
					store.measure(b, viaStore)
				} else {
					store.measure(b, viaStore)
					sdk.measure(b, viaSDK)
				}
			}
			b.ReportMetric(float64(sdk.p50().Microseconds()), "sdk-p50-µs")
			b.ReportMetric(float64(store.p50().Microseconds()), "store-p50-µs")
			b.ReportMetric(float64(store.p50())/float64(sdk.p50()), "p50-ratio")
			b.ReportMetric(float64(sdk.cpu.Microseconds())/float64(len(sdk.times)), "sdk-cpu-µs")
			b.ReportMetric(float64(store.cpu.Microseconds())/float64(len(store.times)), "store-cpu-µs")
			b.ReportMetric(float64(store.cpu)/float64(sdk.cpu), "cpu-ratio")
		})
	}
}

func sdkGet(ctx context.Context, client *awss3.Client, bucket, key string) error {
	out, err := client.GetObject(ctx, &awss3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return err
	}
	defer func() { _ = out.Body.Close() }()
	buf := make([]byte, *out.ContentLength)
	if _, err := io.ReadFull(out.Body, buf); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, out.Body)
	return err
}

type sample struct {
	times []time.Duration
	cpu   time.Duration
}

func (s *sample) measure(b *testing.B, f func() error) {
	before, start := cpuTime(), time.Now()
	if err := f(); err != nil {
		b.Fatal(err)
	}
	s.times = append(s.times, time.Since(start))
	s.cpu += cpuTime() - before
}

func (s *sample) p50() time.Duration {
	slices.Sort(s.times)
	return s.times[len(s.times)/2]
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
