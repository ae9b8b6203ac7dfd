//go:build unix

package disk

import (
	"io/fs"
	"os"
	"syscall"
)

// ownerOf returns who owns a file, and whether its group is this process's own.
func ownerOf(info fs.FileInfo) (uid int, ownGroup, known bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false, false
	}
	return int(st.Uid), int(st.Gid) == os.Getegid(), true
}
