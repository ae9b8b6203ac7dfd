//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package disk

import (
	"errors"
	"os"
	"syscall"
)

// tryLock reports whether it took the lock. A lock belongs to the open file, so goroutines of one process exclude each
// other as processes do, and it ends when the process does.
func tryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return true, nil
	}
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return false, nil
	}
	return false, os.NewSyscallError("flock", err)
}

// releaseLock closes the file, which releases its lock.
func releaseLock(f *os.File) { _ = f.Close() }
