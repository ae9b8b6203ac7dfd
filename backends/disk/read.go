package disk

import (
	"bytes"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
)

// file is an entry as it was read: address and entry share one buffer that nobody else has.
type file struct {
	header
	address, entry []byte
}

// readEntry returns the entry in path, fs.ErrNotExist where there is none, and errCorrupt for what is no entry. A file
// that is corrupt, or gone by the clock, is removed.
func (m *Manager) readEntry(path string) (*file, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	e, err := m.decode(f, info.Size())
	switch {
	case errors.Is(err, errCorrupt):
		removeIfSame(path, info)
		return nil, err
	case err != nil:
		return nil, err
	case e.expired(m.now()):
		removeIfSame(path, info)
		return nil, fs.ErrNotExist
	}
	return e, nil
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
	return &file{h, body[:h.addressLen], body[h.addressLen:]}, nil
}

// readHeader reads an entry's header and address only, for listing.
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

// removeIfSame removes the file that was read, and not one that a Put has renamed over it meanwhile. Between the look
// and the removal a Put may still slip in; its entry is then a miss, which is all that an eviction would make of it.
func removeIfSame(path string, read fs.FileInfo) {
	if now, err := os.Lstat(path); err == nil && os.SameFile(now, read) {
		_ = os.Remove(path)
	}
}

func (f *file) is(address []byte) bool { return bytes.Equal(f.address, address) }
