package disk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// lock takes the guard that what belongs to and returns how to give it back. Guards are few and shared by hash; they
// are held for a few file operations, never while waiting for anything. Waiting is by trying again, because a blocking
// flock would not notice that the context has ended.
func (m *Manager) lock(ctx context.Context, what string) (unlock func(), err error) {
	sum := sha256.Sum256([]byte(what))
	path := filepath.Join(m.dir, locksName, hex.EncodeToString(sum[:1]))
	f, err := openLock(path)
	if err != nil {
		return nil, err
	}
	for wait := 100 * time.Microsecond; ; wait = min(2*wait, 5*time.Millisecond) {
		ok, err := tryLock(f)
		if ok {
			return func() { releaseLock(f) }, nil
		}
		if err != nil {
			_ = f.Close()
			return nil, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			_ = f.Close()
			return nil, ctx.Err()
		case <-timer.C:
		}
	}
}

// openLock opens a guard's file, which is never removed: two processes must lock the same one.
func openLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
			return nil, err
		}
		f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	}
	return f, err
}
