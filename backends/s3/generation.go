package s3

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/internal/genstate"
)

// maxKeep is the greatest age of a kept generation. Reading one costs as much as reading an entry.
const maxKeep = 2 * time.Second

const tokenLen = 32 // 128 random bits in hex: a token is never met again, however many were lost

// combine makes one number of the epoch and the function's own token: replacing either replaces it.
func combine(epoch, function string) uint64 {
	sum := sha256.Sum256([]byte("stillwarm generation 1\x00" + epoch + function))
	return max(1, binary.BigEndian.Uint64(sum[:])) // 0 means "none" elsewhere
}

func newToken() string {
	var b [tokenLen / 2]byte
	_, _ = rand.Read(b[:]) // documented never to fail
	return hex.EncodeToString(b[:])
}

func validToken(b []byte) bool { return len(b) == tokenLen && isHex(string(b)) }

// generationOf reads the epoch and a function's own token side by side, always from the bucket, and notes what they make.
func (m *Manager) generationOf(ctx context.Context, function string, state *genstate.State) (uint64, error) {
	read := state.Begin(m.now().UnixNano())
	var wg sync.WaitGroup
	var epoch string
	var epochErr error
	wg.Go(func() { epoch, epochErr = m.readEpoch(ctx) })
	own, err := m.token(ctx, m.layout.generation(function))
	wg.Wait()
	if err = errors.Join(err, epochErr); err != nil {
		return 0, err
	}
	g := combine(epoch, own)
	if known, o := state.Observe(read, g, 0); o == genstate.Older {
		return known, nil
	}
	return g, nil
}

func (m *Manager) readEpoch(ctx context.Context) (string, error) {
	token, err := m.token(ctx, m.layout.epoch())
	if err == nil {
		m.epoch.Store(&token)
	}
	return token, err
}

// clearFunction replaces a function's token. What it makes of that and of the epoch that was read last is the new
// generation, unless somebody else has replaced the epoch since: then it is one that nobody has, and the next read tells.
func (m *Manager) clearFunction(ctx context.Context, function string, state *genstate.State) (uint64, error) {
	state.Forget()
	read := state.Begin(m.now().UnixNano())
	token, err := m.renew(ctx, m.layout.generation(function))
	if err != nil {
		state.Forget() // it may have been done all the same
		return 0, err
	}
	var epoch string
	if last := m.epoch.Load(); last != nil {
		epoch = *last
	} else if epoch, err = m.readEpoch(ctx); err != nil {
		return 0, err
	}
	g := combine(epoch, token)
	state.Observe(read, g, 0)
	return g, nil
}

// clearEverything replaces the epoch.
func (m *Manager) clearEverything(ctx context.Context) error {
	token, err := m.renew(ctx, m.layout.epoch())
	if err == nil {
		m.epoch.Store(&token)
	} else {
		m.epoch.Store(nil)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, state := range m.gens { // also after an error: it may have been done all the same
		state.Forget()
	}
	return err
}

// token reads the token at object. Where there is none it makes a unique one.
func (m *Manager) token(ctx context.Context, object string) (string, error) {
	// Each round ends unless somebody else wrote or deleted between our two requests.
	for range 8 {
		token, err := m.readToken(ctx, object)
		if err == nil {
			return token, nil
		}
		if !errors.Is(err, errLost) && !errors.Is(err, errLostRace) {
			return "", err
		}
	}
	return "", fmt.Errorf("generation object %s keeps changing; does something delete what is below %s%s?",
		object, m.layout.root, generationFolder)
}

// readToken returns the token, after making one where there was none; errLost or errLostRace asks to try again.
func (m *Manager) readToken(ctx context.Context, object string) (string, error) {
	obj, err := m.read(ctx, object, readOptions{limit: 1 << 10})
	var cond condition
	switch {
	case err == nil && validToken(obj.body):
		return string(obj.body), nil
	case err == nil:
		cond.ifMatch = obj.etag // somebody else's bytes are no generation
	case isNotFound(err):
		cond.ifNew = true
	default:
		return "", err
	}
	token := newToken()
	_, err = m.write(ctx, object, []byte(token), writeOptions{condition: cond})
	switch {
	case err == nil:
		return token, nil
	case isLostRace(err):
		return "", errLostRace
	case isNotFound(err):
		return "", errLost
	}
	return "", err
}

// renew puts a new token at object, and returns it.
func (m *Manager) renew(ctx context.Context, object string) (token string, err error) {
	err = m.tries(ctx, func() error {
		token = newToken() // anew for each try: a late one must not bring back what a later Clear removed
		_, err := m.write(ctx, object, []byte(token), writeOptions{once: true})
		return err
	})
	return token, err
}

// tries calls do until it succeeds or trying again does not help, with the pauses of the SDK's retries.
func (m *Manager) tries(ctx context.Context, do func() error) error {
	r := newRetryer()
	for try := 1; ; try++ {
		err := do()
		if err == nil || try == attempts || ctx.Err() != nil || !r.IsErrorRetryable(err) {
			return err
		}
		timer := time.NewTimer(backoff(try, isThrottled(err)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}
