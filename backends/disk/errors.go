package disk

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/stillwarm/stillwarm/backends"
)

// fail gives an error of the file system its place and a hint; nil stays nil.
func (m *Manager) fail(op string, err error) error {
	if err == nil {
		return nil
	}
	wrapped := backends.Wrap(m.place, op, err)
	if e, ok := errors.AsType[*backends.Error](wrapped); ok {
		e.Hint, e.Permanent = hint(err)
	}
	return wrapped
}

func hint(err error) (text string, permanent bool) {
	switch {
	case isFull(err):
		return "the disk is full: lower the parameter max, free space, or enlarge the function's ephemeral storage", false
	case errors.Is(err, syscall.EROFS):
		return "the file system is read-only: in Lambda only /tmp and mounted file systems can be written", true
	case errors.Is(err, fs.ErrPermission):
		return "this process may not use the folder: check its owner and mode", true
	case errors.Is(err, syscall.ENOTDIR):
		return "a part of the path is a file: choose another folder, or remove that file", true
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "too many open files: raise the limit, or lower the concurrency", false
	case errors.Is(err, syscall.ENAMETOOLONG):
		return "the folder's path is too long", true
	case errors.Is(err, syscall.ENOLCK), errors.Is(err, syscall.ENOTSUP):
		return "the file system does not support file locks: choose another folder", true
	}
	return "", false
}

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
