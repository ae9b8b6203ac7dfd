package guard

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestLoopbackHost(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:8787": true, "LOCALHOST": true, "a.localhost:1": true, "localhost.": true,
		"127.0.0.1": true, "127.0.0.1:8787": true, "127.1.2.3": true, "[::1]:8787": true, "::1": true,
		"": false, "example.com": false, "example.com:8787": false, "localhost.example.com": false, "notlocalhost": false,
		"127.0.0.1.example.com": false, "192.168.0.1": false, "0.0.0.0": false, "0.0.0.0:8787": false, "2130706433": false,
	} {
		if got := LoopbackHost(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

func FuzzLoopbackHost(f *testing.F) {
	for _, s := range []string{"localhost", "[::1]:1", "a:b:c", "", "[", "127.0.0.1:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if LoopbackHost(s) && !strings.Contains(strings.ToLower(s), "localhost") && !strings.Contains(s, "127.") && !strings.Contains(s, ":") {
			t.Errorf("%q counts as loopback", s)
		}
	})
}

func request(header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8787/", nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

func TestForeign(t *testing.T) {
	for _, c := range []struct {
		header []string
		want   bool
	}{
		{nil, false},
		{[]string{"Origin", "http://127.0.0.1:8787"}, false},
		{[]string{"Origin", "http://127.0.0.1:8788"}, true},
		{[]string{"Origin", "https://127.0.0.1:8787"}, true},
		{[]string{"Origin", "http://example.com"}, true},
		{[]string{"Origin", "null"}, true},
		{[]string{"Origin", "http://127.0.0.1:8787", "Origin", "http://example.com"}, true},
		{[]string{"Origin", "::"}, true},
		{[]string{"Sec-Fetch-Site", "cross-site"}, true},
		{[]string{"Sec-Fetch-Site", "same-site"}, true},
		{[]string{"Sec-Fetch-Site", "none"}, false},
		{[]string{"Sec-Fetch-Site", "same-origin", "Origin", "http://127.0.0.1:8787"}, false},
	} {
		if got := Foreign(request(c.header...)); got != c.want {
			t.Errorf("%q: %v", c.header, got)
		}
	}
}

func TestToken(t *testing.T) {
	token := NewToken()
	if !token.Admits(request(TokenHeader, string(token))) {
		t.Error("the token is refused")
	}
	for _, header := range [][]string{
		nil, {TokenHeader, ""}, {TokenHeader, "x"}, {TokenHeader, string(token), "Origin", "http://example.com"},
	} {
		if token.Admits(request(header...)) {
			t.Errorf("%q is admitted", header)
		}
	}
}

func TestReadBodyBoundsTimeAndSize(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := ReadBody(w, r, 10, 50*time.Millisecond)
		switch _, tooLarge := errors.AsType[*http.MaxBytesError](err); {
		case tooLarge:
			_, _ = io.WriteString(w, "large")
		case errors.Is(err, ErrSlowBody):
			_, _ = io.WriteString(w, "slow")
		default:
			_, _ = fmt.Fprintf(w, "%q %v", b, err)
		}
	}))
	defer server.Close()
	for _, c := range []struct{ name, body, want string }{
		{"whole", "Content-Length: 2\r\n\r\nok", `"ok" <nil>`},
		{"too large", "Content-Length: 11\r\n\r\nelevenbytes", "large"},
		{"never whole", "Content-Length: 9\r\n\r\nhalf", "slow"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\n"+c.body)
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			if b, _ := io.ReadAll(response.Body); string(b) != c.want {
				t.Errorf("%s", b)
			}
		})
	}
}
