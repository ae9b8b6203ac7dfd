package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/stillwarm/stillwarm/backends"
)

// trust makes the folder if there is none, and returns an error if others may write to it. It checks until the folder
// is safe: a safe folder cannot be made unsafe by others.
func (m *Manager) trust() error {
	if m.trusted.Load() {
		return nil
	}
	info, err := os.Lstat(m.dir)
	if errors.Is(err, fs.ErrNotExist) {
		_ = os.MkdirAll(m.dir, dirMode) // where that fails the operation tells why, in its own words
		info, err = os.Lstat(m.dir)
	}
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if err := m.judge(info, "the link to the folder"); err != nil {
			return err
		}
		info, err = os.Stat(m.dir)
	}
	if err != nil || !info.IsDir() {
		return nil //nolint:nilerr // the same
	}
	if err := m.judge(info, "the folder"); err != nil {
		return err
	}
	m.trusted.Store(true)
	return nil
}

// judge returns an error for what others own or may write to.
func (m *Manager) judge(info fs.FileInfo, what string) error {
	uid, ownGroup, known := ownerOf(info)
	if !known {
		return nil
	}
	distrust := func(hint, format string, args ...any) error {
		return &backends.Error{
			Backend: m.place, Op: "open", Permanent: true, Hint: hint, Err: fmt.Errorf("%s "+format, append([]any{what}, args...)...),
		}
	}
	if own := os.Geteuid(); uid != own && uid != 0 && (m.owner == nil || uid != *m.owner) {
		return distrust(fmt.Sprintf("use a folder of your own, or add owner=%d to the URL where that user is trusted, as on EFS", uid),
			"belongs to user %d, and this process is user %d", uid, own)
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		return nil // a link's mode means nothing
	}
	if mode := info.Mode().Perm(); mode&0o002 != 0 || mode&0o020 != 0 && !ownGroup {
		return distrust("anybody who can write there can change results; use chmod go-w, or a folder below it",
			"may be written by other users: its mode is %04o", mode)
	}
	return nil
}
