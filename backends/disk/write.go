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

// writeFile makes path hold the parts, whole or not at all. It makes the folders on the way where they are missing,
// which is looked for only when it shows: the usual Put finds them.
func (m *Manager) writeFile(ctx context.Context, path string, sync bool, parts ...[]byte) error {
	dir := filepath.Dir(path)
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
	if err = fill(f, sync, parts); err == nil {
		err = ctx.Err() // a caller that has gone away must not find its write done later
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	if sync {
		return syncDir(dir)
	}
	return nil
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
