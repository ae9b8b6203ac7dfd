package services

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/stillwarm/stillwarm/localdev/tools"
)

// redisMemory bounds a local server: its oldest entries go when it is full, as in a cache that is deployed.
const redisMemory = "256mb"

// startRedis starts redis-server, or valkey-server where that is what there is, or the stand-in.
func startRedis(ctx context.Context, o Options) (started, error) {
	path, err := findRedis()
	if err != nil {
		return redisStandIn(o)
	}
	data, err := o.folder("redis")
	if err != nil {
		return started{}, err
	}
	// The password is in a file that only this user can read: a command line is shown to everyone on the machine.
	password := rand.Text()
	config := filepath.Join(o.Temp, "redis.conf")
	if err := os.WriteFile(config, []byte("requirepass "+password+"\n"), 0o600); err != nil {
		data.free()
		return started{}, fmt.Errorf("configuration of Redis: %w", err)
	}
	appendonly := "no"
	if o.Data != "" {
		appendonly = "yes" // every write reaches the file within a second
	}
	var at, version string
	r, err := startDaemon(ctx, o, func(port int) daemon {
		at = address(port)
		return daemon{
			title: "Redis", path: path, dir: data.dir,
			args: []string{
				config,
				"--bind", loopback, "--port", strconv.Itoa(port), "--dir", data.dir, "--daemonize", "no",
				"--save", "", "--appendonly", appendonly,
				"--maxmemory", redisMemory, "--maxmemory-policy", "allkeys-lru",
			},
			ready: func(ctx context.Context, pid int) (err error) {
				version, err = askRedis(ctx, at, password, pid)
				return err
			},
		}
	})
	if err != nil {
		data.free()
		return started{}, err
	}
	return started{
		url: "redis://:" + password + "@" + at, stop: func() { r.stop(); data.free() },
		says: fmt.Sprintf("%s (%s); %s", version, short(path), data.fate),
	}, nil
}

func findRedis() (string, error) {
	path, err := tools.Find("redis-server")
	if err == nil {
		return path, nil
	}
	if valkey, missing := exec.LookPath("valkey-server"); missing == nil {
		return valkey, nil
	}
	return "", err
}

// askRedis returns what the server says it is, and an error while it is not ready. The process id proves that the one
// that answers is the one that was started, not another that took the port first.
func askRedis(ctx context.Context, at, password string, pid int) (version string, err error) {
	info, err := redisInfo(ctx, at, password)
	if err != nil {
		return "", err
	}
	fields := map[string]string{}
	for line := range strings.Lines(info) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	if got := fields["process_id"]; got != strconv.Itoa(pid) {
		return "", fmt.Errorf("the server at %s is process %s, not %d", at, got, pid)
	}
	if fields["loading"] == "1" {
		return "", errNotYet
	}
	if v := fields["valkey_version"]; v != "" {
		return "Valkey " + v, nil
	}
	return "Redis " + fields["redis_version"], nil
}

// redisInfo logs in, sends INFO and returns its answer. Two commands do not need a client.
func redisInfo(ctx context.Context, at, password string) (string, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", at)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintf(conn, "AUTH %s\r\nINFO\r\n", password); err != nil {
		return "", err
	}
	r := bufio.NewReader(conn)
	if auth, err := r.ReadString('\n'); err != nil || auth != "+OK\r\n" {
		return "", fmt.Errorf("the answer to AUTH is %.60q: %w", auth, errors.Join(err, errNotYet))
	}
	head, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	head = strings.TrimSpace(head)
	size, err := strconv.Atoi(strings.TrimPrefix(head, "$"))
	if err != nil || size < 0 || size > 1<<20 {
		return "", errors.New("the answer to INFO is " + strconv.Quote(head)) // -LOADING among others
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return "", err
	}
	return string(text), nil
}
