package disk

import (
	"bytes"
	"context"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
)

// file is a slot as it was read: address and content share one buffer that nobody else has.
type file struct {
	header
	address, content []byte
}

func (f *file) is(address []byte) bool { return bytes.Equal(f.address, address) }

// readFile returns what is in path, expired or not: fs.ErrNotExist where there is nothing, and errCorrupt for what is no
// file of ours.
func (m *Manager) readFile(path string) (*file, fs.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	e, err := m.decode(f, info.Size())
	return e, info, err
}

// readSlot is readFile, and removes what is corrupt or has expired. An expired file is returned all the same.
func (m *Manager) readSlot(ctx context.Context, path string) (*file, error) {
	f, info, err := m.readFile(path)
	if errors.Is(err, errCorrupt) || err == nil && f.expired(m.now()) {
		m.removeIfSame(ctx, path, info)
	}
	return f, err
}

func (m *Manager) decode(r io.Reader, size int64) (*file, error) {
	// Whatever lies there under our name: nothing larger than what Put accepts is read.
	if size < headerSize || size > m.max+(1<<20) {
		return nil, errCorrupt
	}
	buf := make([]byte, size)
	if _, err := io.ReadFull(r, buf); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			return nil, errCorrupt
		}
		return nil, err
	}
	h, err := decodeHeader(buf, size)
	if err != nil {
		return nil, err
	}
	body := buf[headerSize:]
	if crc32.Checksum(body, castagnoli) != h.sum {
		return nil, errCorrupt
	}
	return &file{h, body[:h.addressLen:h.addressLen], body[h.addressLen:]}, nil
}

// readHeader reads a file's header and address only.
func readHeader(path string) (header, []byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return header{}, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return header{}, nil, err
	}
	var b [headerSize]byte
	if _, err := io.ReadFull(f, b[:]); err != nil {
		return header{}, nil, errCorrupt
	}
	h, err := decodeHeader(b[:], info.Size())
	if err != nil {
		return header{}, nil, err
	}
	address := make([]byte, h.addressLen)
	if _, err := io.ReadFull(f, address); err != nil {
		return header{}, nil, errCorrupt
	}
	return h, address, nil
}

// removeIfSame removes the file that was read, and not one that has taken its place meanwhile: a tombstone must not go
// with the entry that it replaced. Where the guard cannot be had the file stays.
func (m *Manager) removeIfSame(ctx context.Context, path string, read fs.FileInfo) (removed bool) {
	unlock, err := m.lock(ctx, path)
	if err != nil {
		return false
	}
	defer unlock()
	if now, err := os.Lstat(path); err == nil && os.SameFile(now, read) {
		return os.Remove(path) == nil
	}
	return false
}
