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
)

// maxKeep is the greatest age of a kept generation. Reading one costs as much as reading an entry.
const maxKeep = 2 * time.Second

const tokenLen = 32 // 128 random bits in hex: a token is never met again, however many were lost

// kept is a token as it was last heard from the bucket: a function's generation, or the epoch of all functions.
type kept struct {
	mu    sync.Mutex
	token string
	asked time.Time // when the request that brought it began: it may have been replaced since
	edits uint64    // our own replacements, so that an answer from before one does not overwrite it
}

// fresh returns the token and its age if it is younger than keep. One from the future (the clock stepped back) is not
// trusted.
func (k *kept) fresh(now time.Time, keep time.Duration) (token string, age time.Duration, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	age = now.Sub(k.asked)
	if k.token == "" || age < 0 || age >= keep {
		return "", 0, false
	}
	return k.token, age, true
}

// begin is called before a request; its result goes to heard or replaced.
func (k *kept) begin() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.edits
}

// heard keeps what a read brought, unless the token was replaced from here while the read ran.
func (k *kept) heard(token string, asked time.Time, edits uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.edits == edits {
		k.token, k.asked = token, asked
	}
}

// replaced notes that this process wrote a token. Where two did so at once nobody knows whose stayed, and where the
// write failed nobody knows whether it happened (token is "" then): the next Get reads.
func (k *kept) replaced(token string, asked time.Time, edits uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.edits != edits {
		token = ""
	}
	k.edits++
	k.token, k.asked = token, asked
}

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

// hear reads the token at object, whatever is kept, and keeps it. Where there is none it makes a unique one.
func (m *Manager) hear(ctx context.Context, object string, k *kept) (string, error) {
	// Each round ends unless somebody else wrote or deleted between our two requests.
	for range 8 {
		edits, asked := k.begin(), m.now()
		token, err := m.readToken(ctx, object)
		if err == nil {
			k.heard(token, asked, edits)
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

// renew puts a new token at object, and returns it: what Clear does.
func (m *Manager) renew(ctx context.Context, object string, k *kept) (token string, err error) {
	edits, asked := k.begin(), m.now()
	err = m.tries(ctx, func() error {
		token = newToken() // anew for each try: a late one must not bring back what a later Clear removed
		_, err := m.write(ctx, object, []byte(token), writeOptions{once: true})
		return err
	})
	if err != nil {
		k.replaced("", asked, edits)
		return "", err
	}
	k.replaced(token, asked, edits)
	return token, nil
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
