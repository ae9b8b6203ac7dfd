package redis

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
	"github.com/stillwarm/stillwarm/backends/internal/version"
)

func parse(t *testing.T, raw string) (Options, error) {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return ParseURL(u)
}

func TestParseURLAndCompleteAcceptWhatIsDocumented(t *testing.T) {
	for raw, check := range map[string]func(o Options) bool{
		"redis:": nil,
		"redis://": func(o Options) bool {
			return o.Addrs[0] == "localhost:6379" && o.Prefix == "stillwarm" && o.ReadTimeout == DefaultReadTimeout
		},
		"redis://cache":                 func(o Options) bool { return o.Addrs[0] == "cache:6379" && o.TLS == nil },
		"redis://:7000":                 func(o Options) bool { return o.Addrs[0] == "localhost:7000" },
		"redis://[::1]:7000/2":          func(o Options) bool { return o.Addrs[0] == "[::1]:7000" && o.DB == 2 },
		"redis://u:p%23w@cache":         func(o Options) bool { return o.Username == "u" && o.Password == "p#w" },
		"redis://a,b:1?cluster=true":    func(o Options) bool { return o.Addrs[0] == "a:6379" && o.Addrs[1] == "b:1" && o.Cluster },
		"redis://a,b?sentinel=main":     func(o Options) bool { return o.Addrs[1] == "b:26379" && o.Sentinel == "main" },
		"redis://a?max-entry=1MiB":      func(o Options) bool { return o.MaxEntry == 1<<20 },
		"redis://a?pool=7&idle=1m":      func(o Options) bool { return o.Pool == 7 && o.Idle == time.Minute },
		"rediss://a?tls-insecure=true":  func(o Options) bool { return o.TLS.InsecureSkipVerify },
		"rediss://u@a?iam=c&region=x":   func(o Options) bool { return o.Credentials != nil && o.Username == "" },
		"redis://a?read-timeout=100ms":  func(o Options) bool { return o.ReadTimeout == 100*time.Millisecond },
		"redis://a?prefix=shop.example": func(o Options) bool { return o.Prefix == "shop.example" },
	} {
		t.Run(raw, func(t *testing.T) {
			o, err := parse(t, raw)
			if err == nil {
				o, err = o.complete()
			}
			switch {
			case check == nil && err != nil: // a scheme alone is no place
			case err != nil:
				t.Fatal(err)
			case check != nil && !check(o):
				t.Errorf("options: %+v", o)
			}
		})
	}
}

func TestParseURLAndNewRefuseWhatCannotWorkAndSayWhy(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for raw, says := range map[string]string{
		"http://a":                                    "redis and rediss",
		"redis:6379":                                  "two slashes",
		"redis://a/zero":                              "number of the database",
		"redis://a/-1":                                "number of the database",
		"redis://a?prefxi=x":                          `"prefxi"`,
		"redis://a?prefix={x}":                        "prefix",
		"redis://a,b":                                 "cluster=true or sentinel",
		"redis://a?cluster=true&sentinel=x":           "exclude",
		"redis://a/1?cluster=true":                    "database 0",
		"redis://a?pool=-1":                           "pool",
		"redis://a?read-timeout=1us":                  "read timeout",
		"redis://a?read-timeout=fast":                 "read-timeout",
		"redis://a?max-entry=1GiB":                    "512 MiB",
		"redis://a:0":                                 "1 to 65535",
		"redis://a?tls-ca=x":                          "rediss://",
		"rediss://a?tls-ca=/does/not/exist":           "tls-ca",
		"rediss://a?tls-ca=" + url.QueryEscape(empty): "PEM",
		"redis://u@a?iam=c":                           "rediss://",
		"rediss://a?iam=c":                            "needs a user",
		"rediss://u:p@a?iam=c":                        "take the one in the URL out",
		"rediss://u@a?region=x":                       "iam=<cache>",
		"redis://u:secret@a#b":                        "%23",
	} {
		t.Run(raw, func(t *testing.T) {
			o, err := parse(t, raw)
			if err == nil {
				_, err = New(o)
			}
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("error %v, want one that says %q", err, says)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("error %v shows the password", err)
			}
		})
	}
}

func TestPoolFollowsTheConcurrencyOfTheContainer(t *testing.T) {
	t.Setenv("AWS_LAMBDA_FUNCTION_NAME", "f")
	t.Setenv("AWS_LAMBDA_MAX_CONCURRENCY", "")
	if got := defaultPool(); got != 4 {
		t.Errorf("pool %d for one invocation at a time, want 4", got)
	}
	t.Setenv("AWS_LAMBDA_MAX_CONCURRENCY", "32")
	if got := defaultPool(); got != 35 {
		t.Errorf("pool %d for 32 invocations, want 35", got)
	}
}

func TestOptionsAreNotSharedWithTheCaller(t *testing.T) {
	addrs := []string{"a"}
	m, err := New(Options{Addrs: addrs})
	if err != nil {
		t.Fatal(err)
	}
	addrs[0] = "b"
	if m.opts.Addrs[0] != "a:6379" {
		t.Errorf("address %q follows the caller's slice", m.opts.Addrs[0])
	}
}

func TestKeysAreToldApartAndReadBack(t *testing.T) {
	keys := append(backendstest.HostileKeys(), "a", "=a", "#a", "a}", "{a", "a:b", "%41", "A", strings.Repeat("x", 128),
		strings.Repeat("x", 129))
	seen := map[string]string{}
	for _, key := range keys {
		tg := tag(key)
		if other, taken := seen[tg]; taken && other != key {
			t.Errorf("keys %q and %q share the tag %q", key, other, tg)
		}
		seen[tg] = key
		if strings.ContainsAny(tg, "{}*?[]\\ \n") || len(tg) > 2*maxReadableKey {
			t.Errorf("tag %q of key %q is not fit for a Redis key", tg, key)
		}
		if back, ok := untag(tg); ok == hashed(key) || ok && back != key {
			t.Errorf("key %q came back as %q, %v", key, back, ok)
		}
	}
}

func TestFunctionsNeverShareKeys(t *testing.T) {
	parts := []string{"", "a", "b", "a:b", ":", "a%3A", "{", "}", "a b", "ä", strings.Repeat("long/", 100), strings.Repeat("long/", 101)}
	seen := map[names][2]string{}
	for _, ns := range parts {
		for _, name := range parts {
			n := functionNames("p", ns, name)
			if other, taken := seen[n]; taken {
				t.Errorf("%q/%q and %q/%q share keys", ns, name, other[0], other[1])
			}
			seen[n] = [2]string{ns, name}
			part, ok := partOf("p", n.entries+tag("key")+"}")
			if !ok || generationKey("p", part) != n.generation {
				t.Errorf("%q/%q: the generation's key does not follow from the entry's", ns, name)
			}
		}
	}
}

func TestSlotsComeBackWithTheirTrailer(t *testing.T) {
	at := time.UnixMilli(1_900_000_000_123)
	for _, value := range []string{"", "x", strings.Repeat("y", 1000)} {
		for _, key := range []string{"", "some key"} {
			for _, expires := range []time.Time{{}, at} {
				v := version.New(expires)
				st := decodeSlot(encodeSlot(kindEntry, []byte(value), key, v))
				if st.kind != kindEntry || string(st.entry) != value || string(st.key) != key || st.version != v || !st.expires.Equal(expires) {
					t.Errorf("%q %q %v came back as %+v", value, key, expires, st)
				}
			}
		}
	}
}

func FuzzDecodeSlot(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(encodeSlot(kindEntry, []byte("entry"), "key", version.New(time.UnixMilli(1))))
	f.Add(encodeSlot(kindTombstone, nil, "", version.New(time.UnixMilli(1))))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"))
	f.Fuzz(func(t *testing.T, b []byte) {
		st := decodeSlot(b)
		if st.kind != 0 && len(st.entry)+len(st.key)+trailerSize != len(b) {
			t.Errorf("%d bytes split into %d and %d", len(b), len(st.entry), len(st.key))
		}
		if st.version == backends.Absent {
			t.Error("something that is there counts as absent")
		}
	})
}

// feed hands an answer to a reply the way the client does: header lines to Write, bodies to ReadFrom.
func feed(r *mgetReply, wire string) error {
	src := strings.NewReader(wire)
	for src.Len() > 0 {
		var err error
		if r.body > 0 {
			_, err = io.CopyN(r, src, int64(r.body))
		} else {
			line := wire[len(wire)-src.Len():]
			n := strings.IndexByte(line, '\n') + 1
			if n == 0 {
				n = len(line)
			}
			b := make([]byte, n)
			if _, err = io.ReadFull(src, b); err == nil {
				_, err = r.Write(b)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func TestReplyReadsWhatServersAnswer(t *testing.T) {
	long := strings.Repeat("e", 100_000)
	for name, tc := range map[string]struct {
		wire, epoch, generation, entry string
		missing, refused, fails        bool
	}{
		"all three":           {wire: "*3\r\n$1\r\na\r\n$2\r\nbc\r\n$5\r\nentry\r\n", epoch: "a", generation: "bc", entry: "entry"},
		"a long entry":        {wire: "*3\r\n$1\r\na\r\n$1\r\nb\r\n$100000\r\n" + long + "\r\n", epoch: "a", generation: "b", entry: long},
		"nothing, RESP2":      {wire: "*3\r\n$-1\r\n$-1\r\n$-1\r\n", missing: true},
		"nothing, RESP3":      {wire: "*3\r\n_\r\n_\r\n_\r\n", missing: true},
		"a long epoch is cut": {wire: "*3\r\n$50\r\n" + long[:50] + "\r\n$1\r\nb\r\n_\r\n", epoch: long[:40], generation: "b"},
		"an entry too large":  {wire: "*3\r\n$1\r\na\r\n$1\r\nb\r\n$200001\r\n" + long + long + "e\r\n", epoch: "a", generation: "b", entry: "\x00"},
		"an error":            {wire: "-LOADING wait\r\n", refused: true, missing: true},
		"another number":      {wire: "*2\r\n_\r\n_\r\n", fails: true},
		"a map":               {wire: "%1\r\n", fails: true},
		"no number":           {wire: "*3\r\n$x\r\n", fails: true},
		"a negative number":   {wire: "*3\r\n$-7\r\n", fails: true},
		"too many":            {wire: "*3\r\n_\r\n_\r\n_\r\n_\r\n", fails: true},
		"no line end":         {wire: "*3\n", fails: true},
		"an endless line":     {wire: "-" + long, fails: true},
		"a cut entry":         {wire: "*3\r\n$1\r\na\r\n$1\r\nb\r\n$10\r\nent", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := &mgetReply{limit: 200_000}
			r.reset(1)
			if err := feed(r, tc.wire); (err != nil) != tc.fails {
				t.Fatalf("error %v, want one: %v", err, tc.fails)
			}
			if tc.fails {
				return
			}
			if string(r.epoch.bytes()) != tc.epoch || string(r.generation.bytes()) != tc.generation || string(r.values[0]) != tc.entry {
				t.Errorf("read %q, %q and %d bytes", r.epoch.bytes(), r.generation.bytes(), len(r.values[0]))
			}
			if r.epoch.missing() != tc.missing || (r.refused != nil) != tc.refused {
				t.Errorf("missing %v, refused %v", r.epoch.missing(), r.refused)
			}
		})
	}
}

func FuzzReply(f *testing.F) {
	f.Add("*3\r\n$1\r\na\r\n$2\r\nbc\r\n$5\r\nentry\r\n")
	f.Add("-ERR\r\n")
	f.Add("*3\r\n_\r\n$9999999999999\r\n")
	f.Fuzz(func(t *testing.T, wire string) {
		r := &mgetReply{limit: 1 << 10}
		r.reset(1)
		_ = feed(r, wire)
		if len(r.values[0]) > 1<<10 {
			t.Errorf("read an entry of %d bytes", len(r.values[0]))
		}
	})
}

func TestCheckNamesTheParameter(t *testing.T) {
	m, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		fn   backends.Function
		says string
	}{
		"a ttl below a millisecond": {backends.Function{Name: "f", TTL: time.Microsecond}, "1µs"},
		"a negative ttl":            {backends.Function{Name: "f", TTL: -1}, "ttl"},
		"no name":                   {backends.Function{}, "name"},
		"a plain function":          {backends.Function{Name: "f", TTL: time.Millisecond}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := m.Check(tc.fn)
			if (err != nil) != (tc.says != "") || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("error %v, want %q", err, tc.says)
			}
		})
	}
}

func TestGenerationsFollowFromBothParts(t *testing.T) {
	seen := map[uint64]bool{}
	for _, v := range [][2]string{{"a", "b"}, {"ab", ""}, {"", "ab"}, {"b", "a"}, {rand.Text(), "b"}} {
		g := combine([]byte(v[0]), []byte(v[1]))
		if g == 0 || seen[g] {
			t.Errorf("%q gives %d, which is zero or not new", v, g)
		}
		seen[g] = true
	}
}

func TestLeaseTimesAreWholeMilliseconds(t *testing.T) {
	for ttl, want := range map[time.Duration]string{
		time.Nanosecond: "1", time.Millisecond: "1", 1500 * time.Microsecond: "2", time.Second: "1000",
	} {
		if got := leaseMillis(ttl); got != want {
			t.Errorf("leaseMillis(%v) = %q, want %q", ttl, got, want)
		}
	}
}

func TestClosedManagerSaysSo(t *testing.T) {
	m, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.Store(t.Context(), backends.Function{Name: "f"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := backendstest.Get(t.Context(), s, "k"); !errors.Is(err, backends.ErrClosed) {
		t.Errorf("Get: %v, want ErrClosed", err)
	}
	if _, err := m.Store(t.Context(), backends.Function{Name: "f"}); !errors.Is(err, backends.ErrClosed) {
		t.Errorf("Store: %v, want ErrClosed", err)
	}
}

func TestAnswersToScriptsAreReadInTheWordsOfEachServer(t *testing.T) {
	const wrapped = "ERR Error running script (call to f_1028a5dba704e1d8a01fd96efeba25bb78f62df2): @user_script:4: @user_script: 4: -"
	m := &Manager{}
	for text, want := range map[string]struct {
		hint    string
		changed bool
	}{
		"READONLY You can't write against a read only replica. script: 1028a5, on @user_script:4.": {"primary endpoint", true},
		wrapped + "READONLY You can't write against a read only replica.":                          {"primary endpoint", true},
		wrapped + "OOM command not allowed when used memory > 'maxmemory'.":                        {"allkeys-lru", false},
		"ERR Error running script (call to f_1): @user_script:1: no such thing":                    {"", false},
		"OOM command not allowed: -READONLY":                                                       {"allkeys-lru", false},
	} {
		err := fmt.Errorf("try: %w", serverError(text))
		hint, permanent := m.explain(err)
		if changedRoles(err) != want.changed || permanent || !strings.Contains(hint, want.hint) || (hint == "") != (want.hint == "") {
			t.Errorf("%s: hint %q, permanent %v, a change of roles %v", text, hint, permanent, changedRoles(err))
		}
	}
	if changedRoles(io.EOF) {
		t.Error("a broken connection is no change of roles")
	}
}
