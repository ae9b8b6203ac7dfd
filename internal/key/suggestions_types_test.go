package key

import (
	"io"
	"os"
	"sync"
	"time"
)

// The types of this file are a user's: what messages suggest for them has to compile in the package that declares them. It
// is compiled on its own, so it uses nothing of the rest.

type suggestConn struct {
	Host string
	Port int
	conn io.Closer
}

type suggestHidden struct{ number string }

type suggestLocked struct {
	mu    sync.Mutex
	Items []string
}

type suggestCallback struct {
	Name string
	Done func(error)
}

type suggestDeep struct {
	Label string
	Inner map[string][]*suggestConn
}

type suggestGeneric[K comparable, V any] struct {
	Key   K
	value V
}

type suggestTagged struct {
	ID    string        `json:"id"`
	Ready chan struct{} `json:"-"`
}

type suggestEmbedding struct {
	*suggestHidden
	At time.Time
}

type suggestFiles struct {
	Files map[string]*os.Process
}

func suggestUse() []any {
	return []any{suggestConn{}.conn, suggestHidden{}.number, (&suggestLocked{}).mu.TryLock, suggestGeneric[int, int]{}.value}
}
