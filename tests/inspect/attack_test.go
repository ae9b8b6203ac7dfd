package inspect

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/tests/servers"
)

func TestWrongKeys(t *testing.T) {
	url := "disk://" + t.TempDir()
	p := start(t, url, sealKeys)
	p.get(t, 7)
	x := settle(t, p, 7)
	waitFor(t, "example.com/shop.prices", "functions", url)
	for name, c := range map[string]struct{ keys, want string }{
		"no keys":          {"", "set STILLWARM_SEAL_KEYS"},
		"another key":      {"k2:YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY=", "set STILLWARM_SEAL_KEYS"},
		"the right ones":   {sealKeys, `"Item": "item 7"`},
		"rotated":          {"k2:YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY=," + sealKeys, `"Item": "item 7"`},
		"its name, no key": {"k1:YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY=", "sealed: cannot be opened"},
	} {
		t.Run(name, func(t *testing.T) {
			out, said, status := run(t, []string{"STILLWARM_SEAL_KEYS=" + c.keys}, "explain", x.Key, url)
			if status != 0 || !strings.Contains(out, c.want) {
				t.Errorf("status %d: %s%s", status, out, said)
			}
			if strings.Contains(out+said, "YWJj") || strings.Contains(out+said, "MTIz") {
				t.Errorf("a key is shown: %s%s", out, said)
			}
		})
	}
	t.Run("keys that are none", func(t *testing.T) {
		failing(t, []string{"STILLWARM_SEAL_KEYS=secret-nonsense"}, []string{"functions", url}, "STILLWARM_SEAL_KEYS")
		if _, said, _ := run(t, []string{"STILLWARM_SEAL_KEYS=secret-nonsense"}, "functions", url); strings.Contains(said, "secret-nonsense") {
			t.Errorf("the key is shown: %s", said)
		}
	})
}

// Somebody else's object in the bucket disturbs nothing, and what it holds cannot steer the terminal.
func TestForeignObjects(t *testing.T) {
	s := servers.SharedMinIO(t)
	s.Setenv(t)
	bucket := s.Bucket(t)
	url := "s3://" + bucket + "/cache?path-style=true&endpoint=" + s.URL
	p := start(t, url, "")
	p.get(t, 7)
	settle(t, p, 7)
	waitFor(t, "example.com/shop.prices", "functions", url)
	m, err := backends.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	st, err := m.Store(t.Context(), backends.Function{Namespace: "shop", Name: "example.com/shop.prices"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Put(t.Context(), "\x1b]0;owned\x07", []byte("hello"), time.Time{}, backends.Absent); err != nil {
		t.Fatal(err)
	}
	out := ok(t, "entries", url)
	if strings.ContainsAny(out, "\x1b\x07") {
		t.Errorf("the terminal is steered: %q", out)
	}
	if strings.Count(out, "\n") != 3 || !strings.Contains(out, "unknown") {
		t.Errorf("entries: %s", out)
	}
}

func TestNoPermission(t *testing.T) {
	s := servers.SharedMinIO(t)
	s.Setenv(t)
	url := "s3://" + s.Bucket(t) + "/cache?path-style=true&endpoint=" + s.URL
	wrong := []string{"AWS_ACCESS_KEY_ID=nobody", "AWS_SECRET_ACCESS_KEY=topsecretkey"}
	for _, args := range [][]string{{"functions", url}, {"stats", url}, {"clear", url, "--all", "--yes"}} {
		failing(t, wrong, args, "stillwarm: ")
		if _, said, _ := run(t, wrong, args...); strings.Contains(said, "topsecretkey") || strings.Count(said, "\n") > 3 {
			t.Errorf("says %s", said)
		}
	}
	failing(t, nil, []string{"functions", "s3://no-such-bucket-here/cache?path-style=true&endpoint=" + s.URL}, "no-such-bucket-here")
	failing(t, nil, []string{"functions", "redis://:hunter2@127.0.0.1:1"}, "stillwarm: ")
	if _, said, _ := run(t, nil, "functions", "redis://:hunter2@127.0.0.1:1"); strings.Contains(said, "hunter2") {
		t.Errorf("the password is shown: %s", said)
	}
	failing(t, nil, []string{"functions", "floppy://a"}, "floppy")
	failing(t, nil, []string{"functions"}, "STILLWARM_BACKEND")
	if os.Geteuid() != 0 { // root may read everything
		dir := filepath.Join(t.TempDir(), "closed")
		if err := os.Mkdir(dir, 0); err != nil {
			t.Fatal(err)
		}
		failing(t, nil, []string{"functions", "disk://" + dir}, "permission")
	}
}
