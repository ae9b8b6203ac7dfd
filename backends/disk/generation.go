package disk

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/stillwarm/stillwarm/backends"
)

// A generation file: magic, eight random bytes, CRC-32C of both. A damaged one counts as none: a new unique generation
// takes its place, so that a crash can only make misses.
const (
	generationMagic = "SWg1"
	generationSize  = 16
)

func (s *store) generationFile() string { return filepath.Join(s.dir, generationName) }

// generation is one number made of the folder's and the function's: either changes it.
func (s *store) generation(ctx context.Context) (uint64, error) {
	epoch, err := s.m.currentGeneration(ctx, s.m.epochFile(), "generation")
	if err != nil {
		return 0, err
	}
	own, err := s.m.currentGeneration(ctx, s.generationFile(), "generation")
	if err != nil {
		return 0, err
	}
	return combine(epoch, own), nil
}

func combine(epoch, own uint64) uint64 {
	b := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, epoch), own)
	sum := sha256.Sum256(b)
	return max(1, binary.BigEndian.Uint64(sum[:])) // never 0, as NewGeneration
}

// currentGeneration reads the file, and makes it where there is none.
func (m *Manager) currentGeneration(ctx context.Context, path, op string) (uint64, error) {
	if g, err := readGeneration(path); err != nil || g != 0 {
		return g, m.fail(op, err)
	}
	unlock, err := m.lock(ctx, path)
	if err != nil {
		return 0, m.fail(op, err)
	}
	defer unlock()
	g, err := readGeneration(path) // another may have made it while we waited
	if err == nil && g == 0 {
		g = backends.NewGeneration()
		err = m.writeGeneration(ctx, path, g)
	}
	return g, m.fail(op, err)
}

func (m *Manager) renewGeneration(ctx context.Context, path, op string) (uint64, error) {
	// Under the lock: whoever makes a first generation must not write it over the one that was cleared to.
	unlock, err := m.lock(ctx, path)
	if err != nil {
		return 0, m.fail(op, err)
	}
	defer unlock()
	g := backends.NewGeneration()
	return g, m.fail(op, m.writeGeneration(ctx, path, g))
}

func (m *Manager) writeGeneration(ctx context.Context, path string, g uint64) error {
	b := binary.BigEndian.AppendUint64([]byte(generationMagic), g)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return m.writeFile(ctx, write{path: path, sync: m.sync, parts: [][]byte{b}})
}

// readGeneration returns 0 where the file is missing or damaged.
func readGeneration(path string) (uint64, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if len(b) != generationSize || string(b[:4]) != generationMagic ||
		binary.BigEndian.Uint32(b[12:]) != crc32.Checksum(b[:12], castagnoli) {
		return 0, nil
	}
	return binary.BigEndian.Uint64(b[4:]), nil
}
