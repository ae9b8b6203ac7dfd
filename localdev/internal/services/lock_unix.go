//go:build unix

package services

import (
	"errors"
	"os"
	"syscall"
)

// lockFile takes a lock that the system gives back when this process ends, however it ends.
func lockFile(path string) (free func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.New("another runner uses it; end that one, or give this one another --data")
		}
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}
