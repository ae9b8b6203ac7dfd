package disk

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// eachFunction calls visit with the folder of each function, and removes temporary files that were left beside them.
func (m *Manager) eachFunction(ctx context.Context, visit func(dir string) error) error {
	names, err := os.ReadDir(m.dir)
	if err != nil {
		return absentIsEmpty(err)
	}
	for _, n := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		path := filepath.Join(m.dir, n.Name())
		switch {
		case strings.HasPrefix(n.Name(), tempPrefix):
			removeOldTemp(path, n)
		case n.IsDir() && strings.HasPrefix(n.Name(), functionPrefix):
			if err := visit(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// walkFunction calls visit for each entry of the function in dir, and removes temporary files that were left there.
func walkFunction(ctx context.Context, dir string, visit func(path string, info fs.FileInfo) error) error {
	for _, loose := range []string{dir, filepath.Join(dir, leasesName)} {
		_ = eachFile(ctx, loose, func(string, fs.FileInfo) error { return nil })
	}
	shards, err := os.ReadDir(filepath.Join(dir, entriesName))
	if err != nil {
		return absentIsEmpty(err)
	}
	for _, shard := range shards {
		if !shard.IsDir() {
			continue
		}
		if err := eachFile(ctx, filepath.Join(dir, entriesName, shard.Name()), visit); err != nil {
			return err
		}
	}
	return nil
}

// eachFile calls visit for the files in one folder whose name is a hash.
func eachFile(ctx context.Context, dir string, visit func(path string, info fs.FileInfo) error) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return absentIsEmpty(err)
	}
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		path := filepath.Join(dir, f.Name())
		if strings.HasPrefix(f.Name(), tempPrefix) {
			removeOldTemp(path, f)
			continue
		}
		if !isHash(f.Name()) {
			continue
		}
		info, err := f.Info()
		if err != nil {
			continue // it went meanwhile
		}
		if err := visit(path, info); err != nil {
			return err
		}
	}
	return nil
}

// removeOldTemp goes by the file system's own time, which Options.Clock does not move.
func removeOldTemp(path string, f fs.DirEntry) {
	if info, err := f.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > tempAge {
		_ = os.Remove(path)
	}
}

func absentIsEmpty(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
