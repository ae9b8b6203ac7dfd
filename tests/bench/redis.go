package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"

	rediscache "github.com/go-redis/cache/v9"
	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/redis/rueidis"

	"github.com/stillwarm/stillwarm/tests/servers"
)

const sectionRedis = "2. A hit in Redis, on loopback"

// redisContests are hits in Redis, one connection each.
func redisContests(h *host) ([]*contest, error) {
	server := servers.Redis(h)
	b := &builder{}
	for _, size := range []struct {
		id, title string
		bytes     int
	}{{"redis-1KB", "1 KB", 1 << 10}, {"redis-100KB", "100 KB", 100 << 10}} {
		c, err := redisContest(h, server, size.id, newBytes(size.bytes))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", size.id, err)
		}
		c.id, c.title, c.section, c.each, c.rounds = size.id, size.title, sectionRedis, 60, 60
		c.goals = []goal{
			over(reference, "go-redis Get", "go-redis", goalRedisTime),
			allocsOver(reference, "go-redis Get", "go-redis", goalRedisAllocs),
			ahead(),
		}
		b.contests = append(b.contests, c)
	}
	return b.contests, nil
}

type document struct{ Body []byte }

func redisContest(h *host, server *servers.RedisServer, id string, value []byte) (*contest, error) {
	ctx := context.Background()
	get, closeData, err := remoteData(server.URL("prefix="+id, "pool=1"), "bench", value)
	if err != nil {
		return nil, err
	}
	client := goredis.NewClient(&goredis.Options{
		Addr: server.Addr, PoolSize: 1, DisableIdentity: true, ContextTimeoutEnabled: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	if err := client.Set(ctx, id, value, peerTTL).Err(); err != nil {
		return nil, err
	}
	cached := rediscache.New(&rediscache.Options{Redis: client})
	if err := cached.Set(&rediscache.Item{Ctx: ctx, Key: "c" + id, Value: &document{value}, TTL: peerTTL}); err != nil {
		return nil, err
	}
	fast, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{server.Addr}, DisableCache: true, ForceSingleClient: true, AlwaysRESP2: true})
	if err != nil {
		return nil, err
	}
	raw, err := dialRaw(server.Addr, id, len(value))
	if err != nil {
		return nil, err
	}
	h.Cleanup(func() { closeData(); client.Close(); fast.Close(); raw.conn.Close() })
	const bare = "bytes only: no generation, no check of the content, no ttl of its own"
	return &contest{contenders: []contender{
		{name: "Stillwarm, Data.Get", role: ours, once: timed(get)},
		{name: "raw protocol on a socket", role: floor, lacks: bare, once: timed(raw.get)},
		{name: "go-redis Get", role: reference, lacks: bare, once: timed(func() error { return whole(client.Get(ctx, id).Bytes())(len(value)) })},
		{name: "rueidis", role: peer, shared: true, lacks: bare, once: timed(func() error { return whole(fast.Do(ctx, fast.B().Get().Key(id).Build()).AsBytes())(len(value)) })},
		{name: "go-redis/cache, struct", role: peer, lacks: "no generation: clearing means deleting keys one by one", once: timed(func() error {
			var d document
			err := cached.Get(ctx, "c"+id, &d)
			return whole(d.Body, err)(len(value))
		})},
	}}, nil
}

// whole checks that an answer has the length it should have.
func whole(b []byte, err error) func(n int) error {
	return func(n int) error {
		if err == nil && len(b) != n {
			err = fmt.Errorf("%d bytes of %d", len(b), n)
		}
		return err
	}
}

// rawRedis asks in the protocol's own words and reads into one buffer: the least that a client can do.
type rawRedis struct {
	conn    net.Conn
	r       *bufio.Reader
	request []byte
	buf     []byte
}

func dialRaw(addr, key string, n int) (*rawRedis, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &rawRedis{
		conn: conn, r: bufio.NewReaderSize(conn, 32<<10), buf: make([]byte, n+2),
		request: fmt.Appendf(nil, "*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n", len(key), key),
	}, nil
}

func (c *rawRedis) get() error {
	if _, err := c.conn.Write(c.request); err != nil {
		return err
	}
	head, err := c.r.ReadSlice('\n')
	if err != nil {
		return err
	}
	if n, err := strconv.Atoi(string(head[1 : len(head)-2])); err != nil || n != len(c.buf)-2 {
		return fmt.Errorf("unexpected answer %q", head)
	}
	_, err = io.ReadFull(c.r, c.buf)
	return err
}
