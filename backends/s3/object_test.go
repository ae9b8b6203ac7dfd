package s3

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
)

func TestPutOverTLSSendsPlainBodies(t *testing.T) {
	var sent []byte
	f := newTLSFake(t, func(w http.ResponseWriter, r *http.Request) {
		if sent, _ = io.ReadAll(r.Body); r.Method == http.MethodGet {
			refuse(404, "NoSuchKey")(w, r)
		}
	})
	s := f.store(t, func(o *Options) {
		o.StorageClass, o.SSE, o.KMSKey = "STANDARD_IA", "aws:kms", "alias/cache"
	})
	if err := backendstest.Put(t.Context(), s, "k", []byte("hello"), time.UnixMilli(1_900_000_000_123)); err != nil {
		t.Fatal(err)
	}
	r := f.asked()[1] // behind the read
	for name, want := range map[string]string{
		"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD", "Content-Encoding": "", "X-Amz-Trailer": "",
		"X-Amz-Storage-Class": "STANDARD_IA", "X-Amz-Server-Side-Encryption": "aws:kms",
		"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": "alias/cache", "X-Amz-Server-Side-Encryption-Bucket-Key-Enabled": "true",
		"X-Amz-Meta-Sw-Expires": "1900000000123",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := r.Header.Get("X-Amz-Checksum-Crc32"); got != crc(sent) {
		t.Errorf("checksum %q, want %q", got, crc(sent))
	}
	if r.ContentLength != int64(len(sent)) || len(sent) != 5+nonceLen || string(sent[:5]) != "hello" || len(r.TransferEncoding) != 0 {
		t.Errorf("sent %d bytes %q, %v", r.ContentLength, sent, r.TransferEncoding)
	}
	if !strings.Contains(r.Header.Get("Authorization"), "x-amz-checksum-crc32") {
		t.Error("the checksum is not signed, and neither is the body")
	}
}

// asEntry sets the headers of an entry whose body ends in aNonce.
func asEntry(w http.ResponseWriter) {
	w.Header().Set("x-amz-meta-sw-kind", kindEntry)
	w.Header().Set("x-amz-meta-sw-expires", "0")
	w.Header().Set("x-amz-meta-sw-nonce", hex.EncodeToString([]byte(aNonce)))
}

const aNonce = "a nonce of it..."

func TestReadOfHostileAnswers(t *testing.T) {
	answer := func(header map[string]string, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			asEntry(w)
			for k, v := range header {
				w.Header().Set(k, v)
			}
			_, _ = io.WriteString(w, body+aNonce)
		}
	}
	breaks := func(w http.ResponseWriter, _ *http.Request) {
		asEntry(w)
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "short")
	}
	n := 0
	breaksOnce := func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 1 {
			breaks(w, r)
			return
		}
		answer(nil, "whole")(w, r)
	}
	chunked := func(w http.ResponseWriter, r *http.Request) {
		asEntry(w)
		w.(http.Flusher).Flush()
		_, _ = io.WriteString(w, "chunked"+aNonce)
	}
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		want   string
		err    error // nil with want "": any error that is no miss
	}{
		{"a whole body", answer(nil, "v"), "v", nil},
		{"a body without a length", chunked, "chunked", nil},
		{"a body that breaks off once is read again", breaksOnce, "whole", nil},
		{"a body that keeps breaking off is an error", breaks, "", nil},
		{"a wrong checksum is an error", answer(map[string]string{"x-amz-checksum-crc32": "AAAAAA=="}, "v"), "", nil},
		{"no expiry: an object of somebody else", answer(map[string]string{"x-amz-meta-sw-expires": ""}, "v"), "", backendstest.ErrNone},
		{"an expiry that is no number", answer(map[string]string{"x-amz-meta-sw-expires": "soon"}, "v"), "", backendstest.ErrNone},
		{"an entry that has expired", answer(map[string]string{"x-amz-meta-sw-expires": "1000"}, "v"), "", backendstest.ErrNone},
		{"another key behind the entry", answer(map[string]string{"x-amz-meta-sw-tail": "1"}, "vx"), "", backendstest.ErrNone},
		{"a key longer than the object", answer(map[string]string{"x-amz-meta-sw-tail": "9"}, "vx"), "", backendstest.ErrNone},
		{"no nonce", answer(map[string]string{"x-amz-meta-sw-nonce": ""}, "v"), "", backendstest.ErrNone},
		{"another kind", answer(map[string]string{"x-amz-meta-sw-kind": kindRecord}, "v"), "", backendstest.ErrNone},
		{"more than is accepted is a miss", answer(nil, strings.Repeat("x", 200)), "", backendstest.ErrNone},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newFake(t, c.answer).store(t, func(o *Options) { o.MaxEntry = 100 })
			got, gen, err := backendstest.Get(t.Context(), s, "k")
			switch {
			case c.want != "":
				if err != nil || string(got) != c.want {
					t.Errorf("%q, %v; want %q", got, err, c.want)
				}
			case c.err != nil:
				if !errors.Is(err, c.err) || gen == 0 {
					t.Errorf("%q, %x, %v; want %v and a generation", got, gen, err, c.err)
				}
			default:
				if err == nil || errors.Is(err, backendstest.ErrNone) {
					t.Errorf("%q, %v; want an error", got, err)
				}
			}
		})
	}
}

// hugeBody claims a length and would deliver it; reading from it fails the test.
type hugeBody struct{ t *testing.T }

func (h hugeBody) Read([]byte) (int, error) {
	h.t.Error("a body that is too large was read")
	return 0, io.EOF
}
func (hugeBody) Close() error { return nil }

func TestTooLargeIsRefusedBeforeAllocation(t *testing.T) {
	size := int64(10 << 30)
	if _, err := readBody(hugeBody{t}, &size, 1<<20); !errors.Is(err, backends.ErrTooLarge) {
		t.Errorf("%v, want ErrTooLarge", err)
	}
	if _, err := readUnsized(bytes.NewReader(make([]byte, 101)), 100); !errors.Is(err, backends.ErrTooLarge) {
		t.Errorf("%v, want ErrTooLarge", err)
	}
}

func TestLongKeysTravelBehindTheEntry(t *testing.T) {
	var stored []byte
	var header http.Header
	s := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			stored, _ = io.ReadAll(r.Body)
			header = r.Header.Clone()
			return
		}
		if header == nil {
			refuse(404, "NoSuchKey")(w, r)
			return
		}
		for _, name := range []string{"X-Amz-Meta-Sw-Expires", "X-Amz-Meta-Sw-Tail", "X-Amz-Meta-Sw-Kind", "X-Amz-Meta-Sw-Nonce"} {
			w.Header().Set(name, header.Get(name))
		}
		_, _ = w.Write(stored)
	}).store(t, nil)
	key := strings.Repeat("k", 5000)
	entry := append(make([]byte, 0, 20_000), "entry"...)
	if err := backendstest.Put(t.Context(), s, key, entry, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if header.Get("X-Amz-Meta-Sw-Tail") != strconv.Itoa(len(key)) || header.Get("X-Amz-Meta-Sw-Key") != "" {
		t.Errorf("headers %v", header)
	}
	if got := entry[:10]; !bytes.Equal(got[5:], make([]byte, 5)) {
		t.Error("Put wrote behind the caller's slice")
	}
	got, _, err := backendstest.Get(t.Context(), s, key)
	if err != nil || string(got) != "entry" {
		t.Errorf("%q, %v", got, err)
	}
}
