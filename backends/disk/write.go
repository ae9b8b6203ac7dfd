package disk

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// dirMode keeps entries from other users of the machine.
const dirMode = 0o700

// write is a file on its way to its place.
type write struct {
	path  string
	parts [][]byte
	sync  bool
	// check, where it is set, runs under the guard of path just before the file takes its place: compare and set. Whoever
	// has the guard already sets none.
	check func() error
}

// writeFile makes path hold the parts, whole or not at all. It makes the folders on the way where they are missing,
// which is looked for only when it shows: the usual Put finds them. Filling and syncing the file, which take long, happen
// before the guard is taken.
func (m *Manager) writeFile(ctx context.Context, w write) error {
	dir := filepath.Dir(w.path)
	f, err := os.CreateTemp(dir, tempPrefix+"*")
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(dir, dirMode); err != nil {
			return err
		}
		f, err = os.CreateTemp(dir, tempPrefix+"*")
	}
	if err != nil {
		return err
	}
	if err = fill(f, w.sync, w.parts); err == nil {
		err = m.rename(ctx, f.Name(), w)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	if w.sync {
		return syncDir(dir)
	}
	return nil
}

func (m *Manager) rename(ctx context.Context, temp string, w write) error {
	if w.check != nil {
		unlock, err := m.lock(ctx, w.path)
		if err != nil {
			return err
		}
		defer unlock()
		if err := w.check(); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err // a caller that has gone away must not find its write done later
	}
	return os.Rename(temp, w.path)
}

func fill(f *os.File, sync bool, parts [][]byte) error {
	var err error
	for _, p := range parts {
		if _, err = f.Write(p); err != nil {
			break
		}
	}
	if err == nil && sync {
		err = f.Sync()
	}
	// Some file systems report a full disk only at Close.
	return errors.Join(err, f.Close())
}

// syncDir makes a rename or a removal in the folder last. Windows cannot open a folder for it and does not need it.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
