package services

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOpen(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	open := listener.Addr().String()
	closed := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().String()
	}()
	defer listener.Close()
	for _, c := range []struct{ name, value, url, warning, err string }{
		{name: "no value is a disk backend in the temporary folder", value: "", url: "disk://TEMP/cache"},
		{name: "none is none", value: "none", url: ""},
		{name: "a folder is taken as it is", value: "disk:///var/tmp/x", url: "disk:///var/tmp/x"},
		{name: "a server that answers", value: "redis://" + open + "/0", url: "redis://" + open + "/0"},
		{name: "a server that does not answer says what to start", value: "redis://" + closed, url: "redis://" + closed,
			warning: "pass --backend redis"},
		{name: "an S3 server that does not answer says what to start", value: "s3://b?endpoint=http://" + closed,
			url: "s3://b?endpoint=http://" + closed, warning: "pass --backend s3"},
		{name: "S3 itself is not asked", value: "s3://bucket?region=eu-central-1", url: "s3://bucket?region=eu-central-1"},
		{name: "several servers that run elsewhere", value: "redis://" + open + " s3://b?endpoint=http://" + open,
			url: "redis://" + open + " s3://b?endpoint=http://" + open},
		{name: "two sets of credentials", value: "s3 s3://b", err: "the environment holds one set"},
		{name: "the same twice", value: "redis redis", err: "there twice"},
		{name: "none among others", value: "redis none", err: "neither a URL nor a service"},
		{name: "what is no URL", value: "cache", err: "neither a URL nor a service"},
	} {
		t.Run(c.name, func(t *testing.T) {
			temp := t.TempDir()
			t.Setenv("AWS_ACCESS_KEY_ID", "id")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
			b, err := Open(t.Context(), Options{Value: c.value, Temp: temp})
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer b.Stop()
			if want := strings.Replace(c.url, "TEMP", filepath.ToSlash(temp), 1); b.URL != want {
				t.Errorf("URL %q, want %q", b.URL, want)
			}
			if (c.warning == "") != (b.Warning == "") || !strings.Contains(b.Warning, c.warning) {
				t.Errorf("warning %q", b.Warning)
			}
			if c.value == "" {
				if _, err := os.Stat(strings.TrimPrefix(b.URL, "disk://")); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
