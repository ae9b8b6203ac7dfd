package httpcache_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/httpcache"
)

// server serves the site over a real connection.
func (s *site) server() *httptest.Server {
	s.t.Helper()
	srv := httptest.NewServer(s.front)
	s.t.Cleanup(srv.Close)
	return srv
}

func get(t *testing.T, ctx context.Context, url string, fields ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	addFields(r.Header, fields)
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func TestOverAServer(t *testing.T) {
	t.Run("informational answers go to the run's own caller", func(t *testing.T) {
		s := newSite(t)
		s.serve(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "</a.css>")
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Del("Link")
			addFields(w.Header(), []string{fresh})
			_, _ = io.WriteString(w, "body")
		})
		srv := s.server()
		for i, want := range []int{1, 0} {
			var hints []textproto.MIMEHeader
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(_ int, h textproto.MIMEHeader) error {
				hints = append(hints, h)
				return nil
			}})
			resp := get(t, ctx, srv.URL)
			if len(hints) != want || resp.Header.Get("Link") != "" {
				t.Fatal(i, hints, resp.Header)
			}
			if want == 1 && hints[0].Get("Link") != "</a.css>" {
				t.Fatal(hints)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
		}
		s.wantRuns(1)
	})
	for _, control := range []string{"Cache-Control: no-store", fresh} {
		t.Run("a body streams as it is flushed: "+control, func(t *testing.T) {
			s := newSite(t)
			next := make(chan struct{})
			s.serve(func(w http.ResponseWriter, _ *http.Request) {
				addFields(w.Header(), []string{control})
				for range 3 {
					_, _ = io.WriteString(w, "line\n")
					w.(http.Flusher).Flush()
					<-next
				}
			})
			resp := get(t, t.Context(), s.server().URL)
			lines := bufio.NewReader(resp.Body)
			for range 3 {
				if line, err := lines.ReadString('\n'); line != "line\n" {
					t.Fatal(line, err)
				}
				next <- struct{}{}
			}
			if _, err := lines.ReadByte(); !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
		})
	}
	t.Run("trailers", func(t *testing.T) {
		s := newSite(t)
		s.serve(func(w http.ResponseWriter, _ *http.Request) {
			addFields(w.Header(), []string{fresh, "Trailer: X-After"})
			_, _ = io.WriteString(w, "body")
			w.(http.Flusher).Flush()
			w.Header().Set("X-After", "a")
			w.Header().Set(http.TrailerPrefix+"X-Late", "b")
		})
		resp := get(t, t.Context(), s.server().URL)
		_, _ = io.Copy(io.Discard, resp.Body)
		if resp.Trailer.Get("X-After") != "a" || resp.Trailer.Get("X-Late") != "b" {
			t.Fatal(resp.Trailer)
		}
	})
	t.Run("an upgrade is the handler's alone", func(t *testing.T) {
		s := newSite(t)
		s.serve(func(w http.ResponseWriter, _ *http.Request) {
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello")
			_ = rw.Flush()
		})
		raw(t, s.server(), "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", "hello")
	})
	t.Run("a bypass can be hijacked, flushed and given deadlines", func(t *testing.T) {
		s := newSite(t)
		s.serve(func(w http.ResponseWriter, _ *http.Request) {
			c := http.NewResponseController(w)
			if err := errors.Join(c.SetReadDeadline(time.Now().Add(time.Minute)), c.SetWriteDeadline(time.Now().Add(time.Minute)), c.EnableFullDuplex()); err != nil {
				t.Error(err)
			}
			if _, ok := w.(io.ReaderFrom); !ok {
				t.Error("no ReaderFrom")
			}
			conn, rw, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_, _ = rw.WriteString("HTTP/1.1 200 OK\r\n\r\nraw")
			_ = rw.Flush()
		})
		raw(t, s.server(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "raw")
	})
	t.Run("a panic reaches the server, before the header and after it", func(t *testing.T) {
		s := newSite(t)
		for _, begin := range []bool{false, true} {
			s.serve(func(w http.ResponseWriter, _ *http.Request) {
				addFields(w.Header(), []string{fresh})
				if begin {
					_, _ = io.WriteString(w, "half")
					w.(http.Flusher).Flush()
				}
				panic(http.ErrAbortHandler)
			})
			resp, err := http.Get(s.server().URL)
			if err == nil {
				if _, err = io.ReadAll(resp.Body); err == nil {
					t.Fatal("the client took the answer for whole")
				}
				resp.Body.Close()
			}
			s.answer(200, "whole", fresh)
			if r := s.do("GET /"); r.body != "whole" {
				t.Fatal(r)
			}
			_ = s.cache.Clear(t.Context())
		}
	})
	t.Run("what net/http does for a handler it does for hits", func(t *testing.T) {
		s := newSite(t)
		s.serve(func(w http.ResponseWriter, _ *http.Request) {
			addFields(w.Header(), []string{fresh})
			_, _ = io.WriteString(w, "<!DOCTYPE html><p>")
		})
		srv := s.server()
		for range 2 {
			resp := get(t, t.Context(), srv.URL)
			body, _ := io.ReadAll(resp.Body)
			if resp.Header.Get("Content-Type") != "text/html; charset=utf-8" || resp.ContentLength != 18 || len(body) != 18 || resp.Header.Get("Date") == "" {
				t.Fatal(resp.Header, resp.ContentLength)
			}
		}
	})
}

// raw sends a request as it is, and expects a text in the answer.
func raw(t *testing.T, srv *httptest.Server, request, want string) {
	t.Helper()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, request)
	answer, _ := io.ReadAll(conn)
	if !strings.Contains(string(answer), want) {
		t.Fatalf("%q", answer)
	}
}

func TestALargeBody(t *testing.T) {
	const size = 50 << 20
	large := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	s := newSite(t)
	s.serve(func(w http.ResponseWriter, r *http.Request) {
		addFields(w.Header(), []string{fresh, `ETag: "1"`})
		http.ServeContent(w, r, "large.bin", time.Time{}, bytes.NewReader(large))
	})
	srv := s.server()
	t.Run("a range of what is not stored is the handler's, with its range", func(t *testing.T) {
		for range 2 {
			resp := get(t, t.Context(), srv.URL+"/large", "Range: bytes=16-31")
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != 206 || string(body) != "0123456789abcdef" || resp.Header.Get("Content-Range") != fmt.Sprintf("bytes 16-31/%d", size) {
				t.Fatal(resp.StatusCode, resp.Header)
			}
		}
	})
	t.Run("the whole streams and is not held in memory", func(t *testing.T) {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		resp := get(t, t.Context(), srv.URL+"/large")
		n, err := io.Copy(io.Discard, resp.Body)
		runtime.ReadMemStats(&after)
		if n != size || err != nil {
			t.Fatal(n, err)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > size {
			t.Fatal("allocated", grown)
		}
		if b := s.cache.Stats().Bytes; b > 1<<20 {
			t.Fatal(b)
		}
	})
	t.Run("one whose length is not announced streams, too", func(t *testing.T) {
		s.serve(func(w http.ResponseWriter, _ *http.Request) {
			addFields(w.Header(), []string{fresh})
			for at := 0; at < size; at += 1 << 20 {
				_, _ = w.Write(large[at : at+1<<20])
			}
		})
		resp := get(t, t.Context(), srv.URL+"/chunked")
		if n, err := io.Copy(io.Discard, resp.Body); n != size || err != nil {
			t.Fatal(n, err)
		}
		if b := s.cache.Stats().Bytes; b > 1<<20 {
			t.Fatal(b)
		}
	})
	t.Run("with room for it, ranges are served from the store", func(t *testing.T) {
		s := newSite(t, httpcache.MaxBody("64MiB"))
		s.serve(func(w http.ResponseWriter, _ *http.Request) {
			addFields(w.Header(), []string{fresh, `ETag: "1"`})
			_, _ = w.Write(large)
		})
		s.do("GET /a")
		r := s.do("GET /a", fmt.Sprintf("Range: bytes=-%d", 16), `If-Range: "1"`)
		if r.status != 206 || r.body != "0123456789abcdef" || !r.hit() {
			t.Fatal(r.status, r.header)
		}
		if r := s.do("GET /a", fmt.Sprintf("Range: bytes=%d-", size)); r.status != 416 || r.header.Get("Content-Range") != fmt.Sprintf("bytes */%d", size) {
			t.Fatal(r.status, r.header)
		}
		s.wantRuns(1)
	})
}

func TestTheRunsRequest(t *testing.T) {
	s := newSite(t)
	s.serve(func(w http.ResponseWriter, r *http.Request) {
		addFields(w.Header(), []string{fresh, `ETag: "1"`, "Vary: Accept-Encoding"})
		_, _ = io.WriteString(w, r.Header.Get("Accept-Encoding"))
	})
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "value")
	s.doContext(ctx, "GET /a", "Accept-Encoding: deflate, gzip;q=0.5, br", `If-None-Match: "0"`, "Authorization: x", "X-A: 1")
	r := s.last()
	if r.Header.Get("If-None-Match") != "" || r.Header.Get("Accept-Encoding") != "br, gzip" || r.Header.Get("Authorization") != "x" || r.Header.Get("X-A") != "1" {
		t.Fatal(r.Header)
	}
	if r.Context().Value(key{}) != "value" || r.Body == nil {
		t.Fatal("the context's values are lost")
	}
	s.do("GET /b", "Accept-Encoding: zstd")
	if got := s.last().Header.Get("Accept-Encoding"); got != "identity" {
		t.Fatal(got)
	}
}

func TestTheClientsConditionOnAMiss(t *testing.T) {
	s := newSite(t)
	s.answer(200, "body", fresh, `ETag: "1"`)
	if r := s.do("GET /a", `If-None-Match: "1"`); r.status != 304 || r.body != "" || r.header.Get("Etag") != `"1"` {
		t.Fatal(r)
	}
	if r := s.do("GET /a"); r.body != "body" || !r.hit() {
		t.Fatal(r)
	}
}
